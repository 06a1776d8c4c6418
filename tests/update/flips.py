"""Every answer that can change, in both directions, from three bases; and the work of a user that has to survive."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..harness.answers import Answers, questions, values

BASES: dict[str, Answers] = {
    "default": {},
    "smallest": {"database": "sqlite", "user_model": "django", "use_drf": False, "include_example": False},
    "largest": {"server": "asgi", "user_model": "username", "use_celery": True},
}
FIXED = {"project_slug", "app_name", "user_model"}
TEXTS = {
    "project_name": "O'Brien's {{ 7*7 }} Shop",
    "description": 'What we "sell" \\ online.',
    "author_name": "Ada",
    "author_email": "ada@example.com",
}
NAMES = {"project_slug": "my_site", "app_name": "core"}


def flips() -> list[tuple[str, str, Any]]:
    """Return base, question and new value of every single change, from the questions in copier.yml."""
    found = []
    for base, answers in BASES.items():
        for question, definition in questions().items():
            if question in FIXED:
                continue
            given = [TEXTS[question]] if question in TEXTS else values(question)
            found += [
                (base, question, value) for value in given if value != answers.get(question, definition["default"])
            ]
    return found


def add_after(path: Path, line: str, addition: str) -> None:
    """Add text behind a line of a file, which has to be there."""
    text = path.read_text()
    assert f"{line}\n" in text, f"{path} has no line {line!r}"
    path.write_text(text.replace(f"{line}\n", f"{line}\n{addition}\n", 1))


def append(path: Path, addition: str) -> None:
    path.write_text(f"{path.read_text()}{addition}\n")


def add_own_app(project: Path) -> None:
    shop = project / "shop"
    shop.mkdir()
    (shop / "__init__.py").touch()
    (shop / "middleware.py").write_text("def passing(get_response):\n    return get_response\n")
    (shop / "urls.py").write_text("urlpatterns = []\n")
    settings = project / "my_site" / "settings" / "base.py"
    add_after(settings, "    # Your own apps go below this line.", '    "shop",')
    add_after(settings, "    # Your own middleware goes below this line.", '    "shop.middleware.passing",')
    urls = project / "my_site" / "urls.py"
    add_after(urls, "    # The URLs of your own apps go below this line.", '    path("shop/", include("shop.urls")),')


def add_own_dependencies(project: Path) -> None:
    pyproject = project / "pyproject.toml"
    add_after(pyproject, "    # Your own dependencies go below this line.", '    "httpx>=0.28",')
    add_after(pyproject, "    # Your own development tools go below this line.", '    "ipython>=9",')


def add_own_settings(project: Path) -> None:
    for name in ("base", "development", "production", "test"):
        append(project / "my_site" / "settings" / f"{name}.py", 'SHOP_CURRENCY = "EUR"')
    append(project / ".env.example", "\n# What prices are in.\n# SHOP_CURRENCY=EUR")


def edit_pages(project: Path) -> None:
    home = project / "core" / "templates" / "core" / "home.html"
    add_after(home, "    <p>{{ site.DESCRIPTION }}</p>", "    <p>Welcome to our shop.</p>")
    append(project / "core" / "views.py", "\n\ndef about(request):\n    return None")
    add_after(
        project / "core" / "urls.py",
        "    # The URLs of your own pages go below this line.",
        '    path("about/", views.about),',
    )
    append(project / "README.md", "\n## Our own part\n\nText.")


def change_models(project: Path) -> None:
    """Change the models of the example and of the users, each with a migration."""
    for app, line in (("people", "    email = models.EmailField(_("), ("users", "    is_staff = ")):
        models = project / app / "models.py"
        if models.exists():
            text = models.read_text()
            field = "    phone = models.CharField(max_length=30, blank=True)\n"
            models.write_text(text.replace(line, field + line, 1) if line in text else f"{text}\n{field}")
            (project / app / "migrations" / "0002_phone.py").write_text("# made by makemigrations\n")


def delete_a_file(project: Path) -> None:
    (project / "core" / "templates" / "404.html").unlink()


EDITS: list[Callable[[Path], None]] = [
    add_own_app,
    add_own_dependencies,
    add_own_settings,
    edit_pages,
    change_models,
    delete_a_file,
]
