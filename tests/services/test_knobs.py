"""Variables: each takes effect, and none that is missing or cannot be used lets a program start."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..harness import projects
from ..harness.commands import Command, clean_environment, run
from ..harness.servers import free_port, wait_until
from . import faults
from .serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("knobs")]

PROGRAMS = ["gunicorn", "serve.py", "worker", "beat", "manage.py"]
REQUIRED = ["ALLOWED_HOSTS", "DATABASE_URL", "DEFAULT_FROM_EMAIL", "EMAIL_HOST", "REDIS_URL", "SECRET_KEY", "SITE_URL"]

# What may stand in a variable by mistake; every program reads these.
NONSENSE = [
    ("ALLOWED_HOSTS", "https://example.com"),
    ("ALLOWED_HOSTS", "example.com,"),
    ("DATABASE_URL", "mysql://localhost/site"),
    ("DATABASE_URL", "postgresql://localhost"),
    ("DATABASE_URL", "postgresql://user:se/cret@localhost/site"),
    ("DEFAULT_FROM_EMAIL", "nobody"),
    ("EMAIL_HOST", "smtp://smtp.example.com"),
    ("EMAIL_PORT", "70000"),
    ("EMAIL_PORT", "smtp"),
    ("EMAIL_USE_SSL", "maybe"),
    ("EMAIL_USE_TLS", "maybe"),
    ("LOG_LEVEL", "loud"),
    ("NUM_PROXIES", "-1"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "redis://user:se/cret@localhost/0"),
    ("SECRET_KEY", "short"),
    ("SECURE_HSTS_INCLUDE_SUBDOMAINS", "maybe"),
    ("SECURE_HSTS_PRELOAD", "maybe"),
    ("SECURE_HSTS_SECONDS", "year"),
    ("SITE_URL", "http://example.com"),
    ("SITE_URL", "https://"),
]
# With what a server says of those that gunicorn reads itself, before the project can.
NONSENSE_OF_GUNICORN = [
    ("FORWARDED_ALLOW_IPS", "proxy", "'proxy' does not appear to be an IPv4 or IPv6 network"),
    ("GUNICORN_ACCESS_LOG", "/nowhere/log", "'/nowhere/log' isn't writable"),
    ("GUNICORN_BIND", "127.0.0.1:port", "'port' is not a valid port number."),
    ("GUNICORN_BIND", "nowhere.invalid:8000", "Can't connect to ('nowhere.invalid', 8000)"),
    ("GUNICORN_ERROR_LOG", "/nowhere/log", "'/nowhere/log' isn't writable"),
    ("GUNICORN_GRACEFUL_TIMEOUT", "soon", ""),
    ("GUNICORN_LOG_LEVEL", "loud", ""),
    ("GUNICORN_MAX_REQUESTS", "-1", ""),
    ("GUNICORN_MAX_REQUESTS_JITTER", "some", ""),
    ("GUNICORN_PRELOAD", "maybe", ""),
    ("GUNICORN_THREADS", "0", ""),
    ("GUNICORN_TIMEOUT", "soon", ""),
    ("GUNICORN_WORKER_CLASS", "fast", ""),
    ("WEB_CONCURRENCY", "0", ""),
    ("WEB_CONCURRENCY", "many", ""),
]
NONSENSE_OF_UVICORN = [
    ("FORWARDED_ALLOW_IPS", "proxy"),
    ("UVICORN_ACCESS_LOG", "maybe"),
    ("UVICORN_HOST", "nowhere.invalid"),
    ("UVICORN_LIMIT_CONCURRENCY", "0"),
    ("UVICORN_LIMIT_MAX_REQUESTS", "-1"),
    ("UVICORN_LIMIT_MAX_REQUESTS_JITTER", "some"),
    ("UVICORN_LOG_LEVEL", "loud"),
    ("UVICORN_LOOP", "fast"),
    ("UVICORN_PORT", "70000"),
    ("UVICORN_PORT", "http"),
    ("UVICORN_PROXY_HEADERS", "maybe"),
    ("UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN", "soon"),
    ("UVICORN_TIMEOUT_KEEP_ALIVE", "soon"),
    ("WEB_CONCURRENCY", "0"),
    ("WEB_CONCURRENCY", "many"),
]


@dataclass
class Installed:
    """A project with Celery and no services, and its programs."""

    project: Path
    programs: Path

    def command(self, program: str) -> Command:
        """Return how the README starts a program."""
        celery = [self.programs / "celery", "--app", "my_site"]
        commands: dict[str, Command] = {
            "gunicorn": [self.programs / "gunicorn", "my_site.wsgi"],
            "serve.py": [self.programs / "python", "serve.py"],
            "worker": [*celery, "worker", "--concurrency", "1"],
            "beat": [*celery, "beat", "--schedule", self.project / "schedule"],
            "manage.py": [self.programs / "python", "manage.py", "migrate"],
        }
        return commands[program]

    def refused(self, program: str, variables: dict[str, str]) -> str:
        """Return the last lines of a program that has to end, and to fail, by itself."""
        ended = subprocess.run(
            self.command(program),
            cwd=self.project,
            env=clean_environment({"WEB_CONCURRENCY": "1"} | variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode != 0
        assert "se/cret" not in ended.stdout
        return "\n".join(ended.stdout.splitlines()[-6:])


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def server(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def both(
    template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Installed]]:
    folder, found = tmp_path_factory.mktemp("knobs"), {}
    for server in ("wsgi", "asgi"):
        project = projects.render(template, folder / server, {"server": server, "use_celery": True})
        found[server] = Installed(project, projects.environment(project, environments, production=True))
        run([found[server].programs / "python", "manage.py", "collectstatic", "--no-input"], project, VARIABLES)
    yield found


VARIABLES = projects.PRODUCTION | {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/site",
    "DJANGO_SETTINGS_MODULE": "my_site.settings.production",
    "REDIS_URL": "redis://127.0.0.1:1/0",
}


def installed_for(both: dict[str, Installed], program: str) -> Installed:
    return both["asgi" if program == "serve.py" else "wsgi"]


def test_the_list_of_required_variables_is_complete(both: dict[str, Installed]) -> None:
    code = "from my_site.settings.production import REQUIRED; print(*sorted(REQUIRED))"
    installed = both["wsgi"]

    assert run([installed.programs / "python", "-c", code], installed.project, VARIABLES).split() == REQUIRED


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_missing_variable_stops_a_program_and_is_named(both: dict[str, Installed], program: str, name: str) -> None:
    variables = {key: value for key, value in VARIABLES.items() if key != name}
    last = installed_for(both, program).refused(program, variables)

    assert f"Set {name}: .env.example says what each is." in last


@pytest.mark.parametrize(("name", "value"), NONSENSE)
def test_nonsense_stops_the_settings_and_is_named(both: dict[str, Installed], name: str, value: str) -> None:
    assert f"{name} " in both["wsgi"].refused("manage.py", VARIABLES | {name: value})


@pytest.mark.parametrize("program", PROGRAMS)
def test_nonsense_of_the_settings_stops_every_program(both: dict[str, Installed], program: str) -> None:
    last = installed_for(both, program).refused(program, VARIABLES | {"EMAIL_USE_SSL": "on", "EMAIL_USE_TLS": "on"})

    assert "EMAIL_USE_SSL and EMAIL_USE_TLS are both on: use one of them." in last


@pytest.mark.parametrize(("name", "value", "said"), NONSENSE_OF_GUNICORN)
def test_nonsense_stops_gunicorn(both: dict[str, Installed], name: str, value: str, said: str) -> None:
    listens = {"GUNICORN_BIND": f"127.0.0.1:{free_port()}"}
    last = both["wsgi"].refused("gunicorn", VARIABLES | listens | {name: value})

    assert (said or name) in last


@pytest.mark.parametrize(("name", "value"), NONSENSE_OF_UVICORN)
def test_nonsense_stops_uvicorn(both: dict[str, Installed], name: str, value: str) -> None:
    listens = {"UVICORN_PORT": str(free_port())}

    assert name in both["asgi"].refused("serve.py", VARIABLES | listens | {name: value})
