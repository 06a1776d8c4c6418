"""Run a generated project the way its README says."""

import re
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError

from filelock import FileLock

from ..harness import projects
from ..harness.answers import Answers
from ..harness.commands import WARNINGS, clean_environment, manage, manage_command, run
from ..harness.servers import free_port, wait_until

# Import the settings, as every program does first, without each variable in turn. Check Django's version, too.
MISSING = """
import os
import sys
from importlib import import_module

import django
from django.core.exceptions import ImproperlyConfigured

assert (6, 1) <= django.VERSION < (6, 2)
settings, *names = sys.argv[1:]
import_module(settings)
for name in names:
    value = os.environ.pop(name)
    for module in [module for module in sys.modules if module.startswith(settings.partition(".")[0])]:
        del sys.modules[module]
    try:
        import_module(settings)
    except ImproperlyConfigured as error:
        assert str(error) == f"Set {name}: .env.example says what each is.", error
    else:
        raise AssertionError(f"{name} is not missed")
    os.environ[name] = value
"""


def slug_of(project: Path) -> str:
    """Return the name of the package with the settings."""
    return next(path.parent.name for path in project.glob("*/wsgi.py"))


@contextmanager
def serving_development(project: Path, programs: Path, *commands: list[str]) -> Iterator[str]:
    """Run commands of manage.py and then the development server, in one process and without any variable.

    Yields the server's address. The output of all is in the file with the suffix .log beside the project.
    """
    address = f"127.0.0.1:{free_port()}"
    log = project.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            manage_command(programs, *commands, ["runserver", "--noreload", address]),
            cwd=project,
            env=clean_environment({"PYTHONUNBUFFERED": "1"}),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )

    def is_up() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://{address}/livez") as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    try:
        wait_until(is_up, 30, "the development server starts")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(30)


def check_first_minutes(project: Path, programs: Path) -> None:
    """Do what users do first with a new project, without any service or variable."""
    commands = [["migrate"], ["check"], ["makemigrations", "--check", "--dry-run"]]
    with serving_development(project, programs, *commands) as address:
        output = project.with_suffix(".log").read_text()
        assert re.findall(r"System check identified (.*) issues?", output) == ["no", "no"], output
        assert "No changes detected" in output

        def get(path: str) -> tuple[int, str]:
            try:
                with urllib.request.urlopen(address + path) as answer:
                    return answer.status, answer.read().decode()
            except HTTPError as error:
                with error:
                    return error.code, ""

        home = get("/")[1]
        assert "What to type next" in home
        statuses = {path: get(path)[0] for path in re.findall(r'href="(/[^"]*)"', home)}
        # The root of the API needs a token. All other pages respond, or redirect to the login.
        assert {path for path, status in statuses.items() if status != 200} <= {"/api/"}
        assert statuses.get("/api/", 401) == 401
        assert "Log in" in get("/admin/")[1]


def check_code(project: Path, programs: Path) -> None:
    """Run the linters and the type checker. Projects with the same environment share mypy's cache."""
    run([programs / "ruff", "format", "--check", "."], project)
    run([programs / "ruff", "check", "."], project)
    cache = programs.parent / "mypy"
    with FileLock(cache.with_suffix(".lock")):
        assert "Success" in run([programs / "mypy", "--cache-dir", cache, "."], project)


def check_tests(project: Path, programs: Path, variables: Mapping[str, str]) -> None:
    """Run the project's tests with Django's runner."""
    assert "OK" in run([programs / "python", *WARNINGS, "manage.py", "test"], project, variables)


def check_coverage(project: Path, programs: Path, variables: Mapping[str, str]) -> None:
    """Run the project's tests with pytest, and measure what they cover."""
    run([programs / "python", *WARNINGS, "-m", "coverage", "run", "-m", "pytest", "-q"], project, variables)
    run([programs / "coverage", "report"], project, variables)


def check_production(project: Path, programs: Path, variables: Mapping[str, str]) -> None:
    """Run a deployment's commands in an environment for production, then without each variable in turn."""
    settings = f"{slug_of(project)}.settings.production"
    given = {"DJANGO_SETTINGS_MODULE": settings} | dict(variables)
    check = ["check", "--deploy", "--fail-level", "INFO"]
    output = manage(project, programs, given, check, ["migrate"], ["makemigrations", "--check", "--dry-run"])
    assert "no issues" in output
    assert "No changes detected" in output
    run([programs / "python", "-c", MISSING, settings, *variables], project, variables)


def production_variables(database_url: str, answers: Answers) -> dict[str, str]:
    """Return all variables that production requires."""
    variables = projects.PRODUCTION | {"DATABASE_URL": database_url}
    if answers.get("use_celery"):
        variables["REDIS_URL"] = "redis://127.0.0.1:1/0"
    if answers.get("accounts") == "none":
        del variables["SITE_URL"]
    return variables
