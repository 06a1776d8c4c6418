from contextlib import suppress
from importlib import import_module
from pathlib import Path

from django.conf import settings
from django.template import TemplateSyntaxError, engines


def preload() -> None:
    """Import the URLs and load the project's templates, which Django leaves to the first requests.

    By then, a new release may have replaced the files, and these may not fit the running code.
    A template with a syntax error still fails only where it is used.
    """
    import_module(settings.ROOT_URLCONF)
    for engine in engines.all():
        for folder in map(Path, engine.template_dirs):
            if "site-packages" in folder.parts:
                continue
            for path in folder.rglob("*.*"):
                with suppress(TemplateSyntaxError, UnicodeDecodeError):
                    engine.get_template(path.relative_to(folder).as_posix())
