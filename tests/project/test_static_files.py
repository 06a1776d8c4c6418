"""A wrong name of a static file is found by the tests and before a release, and fails no page in production."""

from pathlib import Path

import pytest

from ..harness import projects
from ..harness.commands import Command, manage, run
from ..harness.work import append

pytestmark = pytest.mark.slow

SCRIPT = "{{% block scripts %}}{{% load static %}}{}{{% endblock %}}"
GET = ["shell", "--no-imports", "--command", "print(__import__('django.test').test.Client().get('/', secure=True))"]


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_wrong_names_are_found(template: Path, tmp_path: Path, environments: Path, server: str) -> None:
    project = projects.render(template, tmp_path / "project", {"database": "sqlite", "server": server})
    programs = projects.environment(project, environments)
    production = projects.environment(project, environments, production=True)
    variables = projects.PRODUCTION | {
        "ALLOWED_HOSTS": "testserver",
        "DATABASE_URL": f"sqlite:///{tmp_path}/site.sqlite3",
        "DJANGO_SETTINGS_MODULE": "my_site.settings.production",
    }
    collect: Command = [production / "python", "manage.py", "collectstatic", "--no-input"]
    check: Command = [production / "python", "manage.py", "check", "--deploy"]
    tests: list[Command] = [[programs / "python", "manage.py", "test", "core"], [programs / "pytest", "core"]]
    home = project / "core" / "templates" / "core" / "home.html"
    style = project / "core" / "static" / "site" / "site.css"

    # In a template
    before = home.read_text()
    append(home, SCRIPT.format("{% static 'site/typo.js' %}"))
    sentence = "core/home.html: there is no static file 'site/typo.js'."
    for command in [collect, check]:
        assert sentence in run(command, project, variables, fails=True)
    for command in tests:
        assert sentence in run(command, project, fails=True)

    # In a style sheet
    home.write_text(before)
    append(style, 'a { background: url("typo.png"); }\n')
    for command in [collect, tests[0]]:
        given = variables if command is collect else {}
        assert "The file 'site/typo.png' could not be found" in run(command, project, given, fails=True)

    # In a variable: only tests that render the page find it. In production, the page works, and the log names the file.
    style.write_text(style.read_text().replace("typo.png", "icon.svg"))
    append(home, SCRIPT.format("{% with name='site/typo.js' %}{% static name %}{% endwith %}"))
    for command in tests:
        assert "There is no static file 'site/typo.js'." in run(command, project, fails=True)
    output = manage(project, production, variables, ["collectstatic", "--no-input"], ["migrate"], GET)
    assert "<HttpResponse status_code=200" in output
    assert "There is no static file 'site/typo.js'." in output
