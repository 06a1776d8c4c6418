"""Variables: each takes effect, and none that is missing or cannot be used lets a program start."""

import re
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..harness import projects
from ..harness.commands import Command, clean_environment, run
from ..harness.servers import free_port, wait_until
from . import faults
from .serving import Site, serving

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
    ("GUNICORN_BIND", "127.0.0.1:port", ""),
    ("GUNICORN_BIND", "127.0.0.1:70000", ""),
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
        celery: list[str | Path] = [self.programs / "celery", "--app", "my_site"]
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


@pytest.fixture(scope="module")
def both(template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Installed]:
    folder, found = tmp_path_factory.mktemp("knobs"), {}
    for server in ("wsgi", "asgi"):
        project = projects.render(template, folder / server, {"server": server, "use_celery": True})
        found[server] = Installed(project, projects.environment(project, environments, production=True))
        run([found[server].programs / "python", "manage.py", "collectstatic", "--no-input"], project, VARIABLES)
    return found


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
    last = installed_for(both, program).refused(program, VARIABLES | {"LOG_LEVEL": "loud"})

    assert "LOG_LEVEL cannot be used: use DEBUG" in last


@pytest.mark.parametrize(("name", "value", "said"), NONSENSE_OF_GUNICORN)
def test_nonsense_stops_gunicorn(both: dict[str, Installed], name: str, value: str, said: str) -> None:
    listens = {"GUNICORN_BIND": f"127.0.0.1:{free_port()}"}
    last = both["wsgi"].refused("gunicorn", VARIABLES | listens | {name: value})

    assert (said or name) in last


@pytest.mark.parametrize(("name", "value"), NONSENSE_OF_UVICORN)
def test_nonsense_stops_uvicorn(both: dict[str, Installed], name: str, value: str) -> None:
    listens = {"UVICORN_PORT": str(free_port())}

    assert name in both["asgi"].refused("serve.py", VARIABLES | listens | {name: value})


# What each variable changes, with a value that is not the default.
KNOBS_OF_GUNICORN = [
    ("FORWARDED_ALLOW_IPS", "10.0.0.0/8", "forwarded_allow_ips", "['10.0.0.0/8']"),
    ("GUNICORN_ACCESS_LOG", "-", "accesslog", "-"),
    ("GUNICORN_BIND", "127.0.0.2:8123", "bind", "['127.0.0.2:8123']"),
    ("GUNICORN_ERROR_LOG", "/dev/null", "errorlog", "/dev/null"),
    ("GUNICORN_GRACEFUL_TIMEOUT", "7", "graceful_timeout", "7"),
    ("GUNICORN_LOG_LEVEL", "ERROR", "loglevel", "error"),
    ("GUNICORN_MAX_REQUESTS", "77", "max_requests", "77"),
    ("GUNICORN_MAX_REQUESTS_JITTER", "7", "max_requests_jitter", "7"),
    ("GUNICORN_PRELOAD", "on", "preload_app", "True"),
    ("GUNICORN_THREADS", "7", "threads", "7"),
    ("GUNICORN_TIMEOUT", "77", "timeout", "77"),
    ("GUNICORN_WORKER_CLASS", "sync", "worker_class", "sync"),
    ("WEB_CONCURRENCY", "7", "workers", "7"),
]
KNOBS_OF_UVICORN = [
    ("FORWARDED_ALLOW_IPS", "10.0.0.0/8", "forwarded_allow_ips", "10.0.0.0/8"),
    ("UVICORN_ACCESS_LOG", "on", "access_log", "True"),
    ("UVICORN_HOST", "127.0.0.2", "host", "127.0.0.2"),
    ("UVICORN_LIMIT_CONCURRENCY", "7", "limit_concurrency", "8"),
    ("UVICORN_LIMIT_MAX_REQUESTS", "0", "limit_max_requests", "None"),
    ("UVICORN_LIMIT_MAX_REQUESTS_JITTER", "7", "limit_max_requests_jitter", "7"),
    ("UVICORN_LOG_LEVEL", "ERROR", "log_level", "error"),
    ("UVICORN_LOOP", "asyncio", "loop", "asyncio"),
    ("UVICORN_PORT", "8123", "port", "8123"),
    ("UVICORN_PROXY_HEADERS", "off", "proxy_headers", "False"),
    ("UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN", "7", "timeout_graceful_shutdown", "7"),
    ("UVICORN_TIMEOUT_KEEP_ALIVE", "7", "timeout_keep_alive", "7"),
    ("WEB_CONCURRENCY", "7", "workers", "7"),
]


def configured(installed: Installed, variables: dict[str, str]) -> dict[str, str]:
    """Return what the server of a project would do, by the names of its own settings."""
    if installed.project.name == "wsgi":
        command: Command = [*installed.command("gunicorn"), "--print-config"]
    else:
        code = (
            "import django, serve; django.setup();"
            "[print(name, '=', value) for name, value in vars(serve.configuration()).items()]"
        )
        command = [installed.programs / "python", "-c", code]
    lines = run(command, installed.project, variables).splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_every_knob_takes_effect(both: dict[str, Installed], server: str, place: str) -> None:
    installed, knobs = both[server], KNOBS_OF_GUNICORN if server == "wsgi" else KNOBS_OF_UVICORN
    source = installed.project / ("gunicorn.conf.py" if server == "wsgi" else "serve.py")
    given = {name: value for name, value, *_ in knobs}
    file = installed.project / ".env"
    before = configured(installed, VARIABLES)

    if place == ".env":
        file.write_text("".join(f"{name}={value}\n" for name, value in given.items()))
    try:
        after = configured(installed, VARIABLES | (given if place == "environment" else {}))
    finally:
        file.unlink(missing_ok=True)

    assert set(re.findall(r'env\.\w+\(\s*"(\w+)"', source.read_text())) == given.keys()
    for name, _, setting, expected in knobs:
        assert after[setting] == expected, name
        assert before[setting] != expected, name


def workers(site: Site) -> set[int]:
    """Return the ids of the server's processes that serve."""
    children = Path(f"/proc/{site.process.pid}/task/{site.process.pid}/children").read_text().split()
    commands = {int(child): Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    return {child for child, command in commands.items() if b"resource_tracker" not in command}


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_processes_are_as_many_as_asked_for_and_renewed(
    both: dict[str, Installed], server: str, tmp_path: Path
) -> None:
    requests = {"GUNICORN_MAX_REQUESTS": "20", "GUNICORN_MAX_REQUESTS_JITTER": "1"} | {
        "UVICORN_LIMIT_MAX_REQUESTS": "20",
        "UVICORN_LIMIT_MAX_REQUESTS_JITTER": "1",
    }
    installed = both[server]
    with serving(
        installed.project, installed.programs, server, VARIABLES | requests, tmp_path / "log", workers=3
    ) as site:
        wait_until(lambda: len(workers(site)) == 3, 30, "three processes run")
        before = workers(site)

        def is_renewed() -> bool:
            with suppress(OSError):
                site.ask("/livez")
            return not before & workers(site)

        wait_until(is_renewed, 60, "each process is renewed")
        wait_until(lambda: len(workers(site)) == 3, 30, "three processes run again")


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_only_named_proxies_are_believed(both: dict[str, Installed], server: str, tmp_path: Path) -> None:
    installed = both[server]
    for number, (proxies, status) in enumerate([("127.0.0.0/8", 404), ("10.0.0.1", 301)]):
        log, access = tmp_path / f"{number}.log", tmp_path / f"{number}.access"
        variables = {
            "FORWARDED_ALLOW_IPS": proxies,
            "GUNICORN_ACCESS_LOG": str(access),
            "UVICORN_ACCESS_LOG": "on",
        }
        with serving(installed.project, installed.programs, server, VARIABLES | variables, log) as site:
            answer = site.ask("/favicon.nothing", headers={"X-Forwarded-For": "203.0.113.9"})

            assert answer.status == status
        # gunicorn leaves X-Forwarded-For to the project, uvicorn reads it.
        lines = access.read_text() if server == "wsgi" else log.read_text()
        assert "/favicon.nothing" in lines
        assert ("203.0.113.9" in lines) == (server == "asgi" and status == 404)


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_the_level_of_the_log_is_that_of_the_server(both: dict[str, Installed], server: str, tmp_path: Path) -> None:
    installed = both[server]
    started = "Listening at" if server == "wsgi" else "Started server process"
    for level in ("INFO", "ERROR"):
        log = tmp_path / level
        variables = {"GUNICORN_LOG_LEVEL": level, "UVICORN_LOG_LEVEL": level}
        with serving(installed.project, installed.programs, server, VARIABLES | variables, log):
            pass
        assert (started in log.read_text()) == (level == "INFO")


def test_uvicorn_takes_as_many_connections_as_it_may(both: dict[str, Installed], tmp_path: Path) -> None:
    installed, variables = both["asgi"], VARIABLES | {"UVICORN_LIMIT_CONCURRENCY": "2"}
    with serving(installed.project, installed.programs, "asgi", variables, tmp_path / "log", workers=1) as site:
        wait_until(lambda: faults.accepted(site) == 0, 30, "no connection is left")
        with faults.send(site, faults.get("/livez", keep=True)) as first:
            faults.read_answer(first)
            assert site.ask("/livez").status == 200
            with faults.send(site, faults.get("/livez", keep=True)) as second:
                faults.read_answer(second)
                assert site.ask("/livez").status == 503
