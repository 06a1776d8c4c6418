"""Finds wrong names of static files: in templates with manage.py check, elsewhere in tests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage
from django.core.checks import CheckMessage, Error, Warning
from django.core.exceptions import SuspiciousFileOperation
from django.template import Context, TemplateSyntaxError, engines
from django.template.backends.django import DjangoTemplates
from django.templatetags.static import StaticNode


def is_static_file(name: str) -> bool:
    """Return whether collectstatic will find a file of this name. A name may also be a folder/."""
    path = urlsplit(unquote(name)).path
    try:
        found = finders.find(path)
    except SuspiciousFileOperation:  # a name with a slash in front
        return False
    return path.endswith("/") or (isinstance(found, str) and Path(found).is_file())


class StrictStaticFilesStorage(StaticFilesStorage):
    """Fails on wrong names. The tests use it."""

    def url(self, name: str | None) -> str:
        if name is not None and not is_static_file(name):
            raise ValueError(f"There is no static file {name!r}.")
        return super().url(name)


def own_templates() -> Iterator[tuple[DjangoTemplates, str]]:
    """Yield the names of the project's templates, without those of installed packages."""
    for backend in engines.all():
        if not isinstance(backend, DjangoTemplates):
            continue
        for folder in map(Path, backend.template_dirs):
            if folder.is_relative_to(settings.BASE_DIR) and "site-packages" not in folder.parts:
                for path in sorted(folder.rglob("*.html")):
                    yield backend, path.relative_to(folder).as_posix()


def check_templates(**kwargs: Any) -> list[CheckMessage]:
    """Report wrong names in static tags, and wrong syntax."""
    level = Warning if settings.DEBUG else Error
    found: list[CheckMessage] = []
    for backend, name in own_templates():
        try:
            template = backend.engine.get_template(name)
        except TemplateSyntaxError as error:
            found.append(level(f"{name}: {error}", id="templates.static.E002"))
            continue
        for node in template.nodelist.get_nodes_by_type(StaticNode):
            if not isinstance(node, StaticNode) or node.path.is_var:
                continue
            if not is_static_file(file := node.path.resolve(Context())):
                hint = "Correct the name, or add the file to the folder static/ of an app."
                message = f"{name}: there is no static file {file!r}."
                found.append(level(message, hint, id="templates.static.E001"))
    return found
