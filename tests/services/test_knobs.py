"""Each variable takes effect. No program starts with a missing or invalid one."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..harness import projects
from ..harness.commands import Command, clean_environment, run
from ..harness.servers import free_port, wait_until
from . import faults
from .serving import serving

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("knobs")]

SERVERS = ["wsgi", "asgi"]
PROGRAMS = [*SERVERS, "worker", "beat", "manage.py"]
REQUIRED = ["ALLOWED_HOSTS", "DATABASE_URL", "DEFAULT_FROM_EMAIL", "EMAIL_HOST", "REDIS_URL", "SECRET_KEY", "SITE_URL"]

# Mistakes in variables that every program reads.
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
    ("REDIS_URL", "redis://localhost:70000/0"),
    ("REDIS_URL", "rediss://localhost/0?ssl_cert_reqs=maybe"),
    ("REDIS_URL", "rediss://localhost/0?ssl_ca_certs=/not/there"),
    ("REDIS_URL", "unix:///run/redis.sock"),
    ("SECRET_KEY", "short"),
    ("SECURE_HSTS_INCLUDE_SUBDOMAINS", "maybe"),
    ("SECURE_HSTS_PRELOAD", "maybe"),
    ("SECURE_HSTS_SECONDS", "year"),
    ("SITE_URL", "http://example.com"),
    ("SITE_URL", "https://"),
    ("SITE_URL", "https://example.com/site"),
    ("SITE_URL", "https://example.com?site"),
]
# Mistakes in variables that only web servers read.
NONSENSE_OF_SERVERS = [
    ("FORWARDED_ALLOW_IPS", "proxy", "'proxy' does not appear to be an IPv4 or IPv6 network"),
    ("FORWARDED_ALLOW_IPS", "127.0.0.1,10.0.0.0/99", "'10.0.0.0/99' does not appear to be an IPv4 or IPv6 network"),
    ("WEB_CONCURRENCY", "0", "WEB_CONCURRENCY is 0"),
    ("WEB_CONCURRENCY", "many", "WEB_CONCURRENCY"),
]
NONSENSE_OF_GUNICORN = [
    ("GUNICORN_CMD_ARGS", "--timeout=soon", "--timeout: invalid int value: 'soon'"),
    ("PORT", "http", "'http' is not a valid port number"),
]


@dataclass
class Installed:
    """A project with Celery, without services, and its programs."""

    project: Path
    programs: Path

    def command(self, program: str) -> Command:
        """Return the README's command for a program."""
        celery: list[str | Path] = [self.programs / "celery", "--app", "my_site"]
        commands: dict[str, Command] = {
            "wsgi": [self.programs / "gunicorn", "my_site.wsgi"],
            "asgi": [self.programs / "gunicorn", "my_site.asgi"],
            "worker": [*celery, "worker", "--concurrency", "1"],
            "beat": [*celery, "beat", "--schedule", self.project / "schedule"],
            "manage.py": [self.programs / "python", "manage.py", "migrate"],
        }
        return commands[program]

    def refused(self, program: str, variables: dict[str, str]) -> str:
        """Return the last lines of a program that must exit with an error."""
        ended = subprocess.run(
            self.command(program),
            cwd=self.project,
            env=clean_environment({"GUNICORN_CMD_ARGS": f"--bind=127.0.0.1:{free_port()} --workers=1"} | variables),
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
    for server in SERVERS:
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
    return both["asgi" if program == "asgi" else "wsgi"]


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
def test_an_invalid_variable_stops_the_settings_and_is_named(both: dict[str, Installed], name: str, value: str) -> None:
    assert f"{name} " in both["wsgi"].refused("manage.py", VARIABLES | {name: value})


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_invalid_variable_of_the_settings_stops_every_program(both: dict[str, Installed], program: str) -> None:
    last = installed_for(both, program).refused(program, VARIABLES | {"LOG_LEVEL": "loud"})

    assert "LOG_LEVEL cannot be used: use DEBUG" in last


@contextmanager
def in_file(installed: Installed, variables: dict[str, str]) -> Iterator[None]:
    """Put variables into the project's .env while the block runs."""
    file = installed.project / ".env"
    file.write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    try:
        yield
    finally:
        file.unlink()


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(("name", "value", "said"), NONSENSE_OF_SERVERS + NONSENSE_OF_GUNICORN)
def test_an_invalid_variable_stops_a_server(
    both: dict[str, Installed], server: str, name: str, value: str, said: str
) -> None:
    without = {"GUNICORN_CMD_ARGS": ""} if name == "PORT" else {}

    assert said in both[server].refused(server, VARIABLES | without | {name: value})


@pytest.mark.parametrize(("name", "value", "said"), NONSENSE_OF_SERVERS)
def test_an_invalid_variable_in_the_env_file_stops_a_server(
    both: dict[str, Installed], name: str, value: str, said: str
) -> None:
    with in_file(both["wsgi"], {name: value}):
        assert said in both["wsgi"].refused("wsgi", VARIABLES)


# The effect of each variable, with a value other than the default. gunicorn reads the second group itself.
KNOBS = [
    ("WEB_CONCURRENCY", "7", "workers", "7"),
]
KNOBS_OF_GUNICORN = [
    ("GUNICORN_CMD_ARGS", "--max-requests=77", "max_requests", "77"),
    ("PORT", "8123", "bind", "['0.0.0.0:8123']"),
]


def configured(installed: Installed, server: str, variables: dict[str, str]) -> dict[str, str]:
    """Return the server's configuration, by the names of gunicorn's settings."""
    lines = run([*installed.command(server), "--print-config"], installed.project, variables).splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition("=") for line in lines)}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("place", ["environment", ".env"])
def test_every_variable_takes_effect(both: dict[str, Installed], server: str, place: str) -> None:
    installed, knobs = both[server], KNOBS + (KNOBS_OF_GUNICORN if place == "environment" else [])
    given = {name: value for name, value, *_ in knobs}
    before = configured(installed, server, VARIABLES)

    if place == "environment":
        after = configured(installed, server, VARIABLES | given)
    else:
        with in_file(installed, given):
            after = configured(installed, server, VARIABLES)

    source = (installed.project / "gunicorn.conf.py").read_text()
    assert re.findall(r'variables.get\("(\w+)"', source) == sorted((name for name, *_ in KNOBS), reverse=True)
    for name, _, setting, expected in knobs:
        assert after[setting] == expected, name
        assert before[setting] != expected, name


def test_the_environment_wins_over_the_file(both: dict[str, Installed]) -> None:
    with in_file(both["wsgi"], {"WEB_CONCURRENCY": "3"}):
        assert configured(both["wsgi"], "wsgi", VARIABLES | {"WEB_CONCURRENCY": "5"})["workers"] == "5"


@pytest.mark.parametrize("server", SERVERS)
def test_the_number_of_processes_is_configurable_and_each_is_renewed(
    both: dict[str, Installed], server: str, tmp_path: Path
) -> None:
    project, programs = both[server].project, both[server].programs
    options = ["--max-requests=20", "--max-requests-jitter=1"]
    with serving(project, programs, server, VARIABLES, tmp_path / "log", workers=3, options=options) as site:
        wait_until(lambda: len(faults.children(site.process.pid)) == 3, 30, "three processes run")
        before = faults.children(site.process.pid)

        def is_renewed() -> bool:
            assert site.ask("/livez").status == 200
            return not before & faults.children(site.process.pid)

        wait_until(is_renewed, 60, "each process is renewed")
        wait_until(lambda: len(faults.children(site.process.pid)) == 3, 30, "three processes run again")


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    ("proxies", "number", "status", "client"),
    [
        ("127.0.0.0/8, ::1", "", 404, "203.0.113.9"),
        ("*", "0", 404, "127.0.0.1"),
        ("127.0.0.1", "2", 404, "2001:db8::1"),
        ("10.0.0.1", "1", 301, "127.0.0.1"),
    ],
)
def test_only_named_proxies_are_trusted(
    both: dict[str, Installed], server: str, tmp_path: Path, proxies: str, number: str, status: int, client: str
) -> None:
    variables = VARIABLES | {"FORWARDED_ALLOW_IPS": proxies, "NUM_PROXIES": number}
    with serving(both[server].project, both[server].programs, server, variables, tmp_path / "log", 1) as site:
        answer = site.ask("/nothing/", headers={"X-Forwarded-For": "198.51.100.1, [2001:db8::1]:80, 203.0.113.9:443"})

        assert answer.status == status
        (line,) = [record for record in site.records() if record["request_id"] == answer.headers["X-Request-ID"]]
        assert (line["client"], line["path"], line["status"]) == (client, "/nothing/", status)


@pytest.mark.parametrize("server", SERVERS)
def test_headers_of_proxies_cause_no_error(both: dict[str, Installed], server: str, tmp_path: Path) -> None:
    """gunicorn refuses requests whose headers disagree, and fails on some of them, unless it ignores them."""
    headers = [
        [("X-Forwarded-Proto", value)]
        for value in ("https", "HTTPS", "https, http", "https,https", "wss", "https\r\nX-Forwarded-Proto: http")
    ]
    headers += [
        [("X-Forwarded-Proto", "https"), other]
        for other in (
            ("X-Forwarded-Protocol", "https"),
            ("X-Forwarded-Protocol", "ssl"),
            ("X-Forwarded-Ssl", "off"),
            ("Forwarded", "for=203.0.113.9;proto=http"),
            ("SCRIPT_NAME", "/x"),
            ("PATH_INFO", "/x"),
            ("REMOTE_ADDR", "203.0.113.9"),
            ("X-Forwarded-Host", "evil.example.org"),
            ("X-Forwarded-Port", "none"),
            ("X-Forwarded-For", "unknown"),
            ("X-Forwarded-For", "1" * 7000),
            ("X-Forwarded-For", "203.0.113.9\r\nX-Forwarded-For: 127.0.0.1"),
        )
    ]
    with serving(both[server].project, both[server].programs, server, VARIABLES, tmp_path / "log", 1) as site:
        for given in headers:
            lines = "".join(f"{name}: {value}\r\n" for name, value in given)
            answer = site.send(
                f"GET /login/ HTTP/1.1\r\nHost: example.com\r\n{lines}Connection: close\r\n\r\n".encode()
            )
            assert answer.startswith(b"HTTP/1.1 200 "), given
            assert b'"/x' not in answer
            assert b"evil" not in answer
        assert {record["client"] for record in site.records()} == {"127.0.0.1"}


@pytest.mark.parametrize("server", SERVERS)
def test_forms_work_on_the_port_of_the_site(both: dict[str, Installed], server: str, tmp_path: Path) -> None:
    """Some proxies do not pass on the port that the client uses. SITE_URL names it."""
    variables = VARIABLES | {"SITE_URL": "https://Example.com:8443"}
    with serving(both[server].project, both[server].programs, server, variables, tmp_path / "log", 1) as site:
        for origin, status in [("https://example.com:8443", 405), ("https://example.com:8444", 403)]:
            page = site.ask("/login/")

            # This page accepts no forms, but it is asked only after the origin has been checked.
            assert site.submit(page, "/robots.txt", {}, headers={"Origin": origin}).status == status, origin
