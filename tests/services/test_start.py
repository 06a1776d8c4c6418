"""Without a variable that production needs, or with nonsense in one, nothing starts, and what is wrong is named."""

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..harness import projects
from ..harness.commands import Command, run

pytestmark = pytest.mark.slow

NONSENSE = {
    "ALLOWED_HOSTS": ["https://example.com", "example.com www.example.com", ","],
    "DATABASE_URL": [
        "nonsense",
        "mysql://localhost/site",
        "postgresql://localhost:port/site",
        "postgresql://localhost",
    ],
    "DEFAULT_FROM_EMAIL": ["nobody"],
    "EMAIL_HOST": ["smtp://mail.example.com", "mail.example.com:25"],
    "REDIS_URL": ["localhost:6379", "redis://localhost:port/0", "redis://localhost/nonsense"],
    "SECRET_KEY": ["short"],
    "SITE_URL": ["example.com", "http://example.com", "https://"],
}
OPTIONAL = {
    "EMAIL_PORT": ["none", "99999"],
    "EMAIL_USE_TLS": ["perhaps"],
    "LOG_LEVEL": ["loud"],
    "NUM_PROXIES": ["-1"],
    "SECURE_HSTS_SECONDS": ["a year"],
}
GUNICORN = {
    "FORWARDED_ALLOW_IPS": ["nginx"],
    "WEB_CONCURRENCY": ["0", "many"],
    "GUNICORN_WORKER_CLASS": ["fast"],
    "GUNICORN_THREADS": ["0"],
    "GUNICORN_PRELOAD": ["perhaps"],
    "GUNICORN_MAX_REQUESTS": ["-1"],
    "GUNICORN_MAX_REQUESTS_JITTER": ["1.5"],
    "GUNICORN_TIMEOUT": ["soon"],
    "GUNICORN_GRACEFUL_TIMEOUT": ["soon"],
    "GUNICORN_ERROR_LOG": ["/nowhere/error.log"],
    "GUNICORN_ACCESS_LOG": ["/nowhere/access.log"],
    "GUNICORN_LOG_LEVEL": ["loud"],
}
UVICORN = {
    "UVICORN_PORT": ["http", "99999"],
    "UVICORN_PROXY_HEADERS": ["perhaps"],
    "FORWARDED_ALLOW_IPS": ["nginx"],
    "WEB_CONCURRENCY": ["0", "many"],
    "UVICORN_LOOP": ["fast"],
    "UVICORN_LIMIT_CONCURRENCY": ["none"],
    "UVICORN_LIMIT_MAX_REQUESTS": ["-1"],
    "UVICORN_LIMIT_MAX_REQUESTS_JITTER": ["1.5"],
    "UVICORN_TIMEOUT_KEEP_ALIVE": ["soon"],
    "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": ["soon"],
    "UVICORN_ACCESS_LOG": ["perhaps"],
    "UVICORN_LOG_LEVEL": ["loud"],
}
PROGRAMS = {
    "gunicorn": ("wsgi", "gunicorn my_site.wsgi", GUNICORN),
    "serve": ("asgi", "python serve.py", UVICORN),
    "worker": ("wsgi", "celery --app my_site worker", {}),
    "beat": ("wsgi", "celery --app my_site beat", {}),
    "manage": ("wsgi", "python manage.py check", {}),
}


@dataclass
class Installed:
    """A project that could start, if its variables were right."""

    project: Path
    programs: Path

    def refuse(self, command: str, variables: dict[str, str]) -> str:
        """Run a program, which has to fail by itself, and return what it says."""
        program, *arguments = command.split()
        return run(["timeout", "60", self.programs / program, *arguments], self.project, variables, fails=True)


@pytest.fixture(scope="module")
def installed(template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Installed]:
    found = {}
    for server in ("wsgi", "asgi"):
        project = projects.render(
            template, tmp_path_factory.mktemp(server) / "project", {"server": server, "use_celery": True}
        )
        found[server] = Installed(project, projects.environment(project, environments, production=True))
    return found


RIGHT = projects.PRODUCTION | {
    "DATABASE_URL": "postgresql://postgres@127.0.0.1:1/site",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "DJANGO_SETTINGS_MODULE": "my_site.settings.production",
}


@pytest.mark.xdist_group("start")
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_missing_or_nonsense_is_named(installed: dict[str, Installed], program: str) -> None:
    server, command, knobs = PROGRAMS[program]
    wrong = [(name, value) for name, values in (NONSENSE | OPTIONAL | knobs).items() for value in values]
    wrong += [(name, value) for name in NONSENSE for value in ("", " ")]

    def start(case: tuple[str, str]) -> str:
        return installed[server].refuse(command, RIGHT | dict([case]))

    with ThreadPoolExecutor(2) as pool:
        said = dict(zip(wrong, pool.map(start, wrong), strict=True))

    # gunicorn reads some itself, and then names the value.
    unnamed = {case: output[-300:] for case, output in said.items() if not any(word in output for word in case if word)}
    assert unnamed == {}
    # What starts is not killed after a minute: it ends.
    secret = "a-password-that-nobody-is-told"
    assert secret not in installed[server].refuse(
        command, RIGHT | {"DATABASE_URL": f"postgresql://postgres:{secret}@127.0.0.1:port/site"}
    )


# What each variable of gunicorn.conf.py changes: the setting, as gunicorn prints it.
GUNICORN_SETTINGS = {
    "GUNICORN_BIND": ("127.0.0.1:8765", "bind", "['127.0.0.1:8765']"),
    "FORWARDED_ALLOW_IPS": ("10.0.0.0/8", "forwarded_allow_ips", "['10.0.0.0/8']"),
    "WEB_CONCURRENCY": ("3", "workers", "3"),
    "GUNICORN_WORKER_CLASS": ("gevent", "worker_class", "gevent"),
    "GUNICORN_THREADS": ("7", "threads", "7"),
    "GUNICORN_PRELOAD": ("on", "preload_app", "True"),
    "GUNICORN_MAX_REQUESTS": ("77", "max_requests", "77"),
    "GUNICORN_MAX_REQUESTS_JITTER": ("78", "max_requests_jitter", "78"),
    "GUNICORN_TIMEOUT": ("79", "timeout", "79"),
    "GUNICORN_GRACEFUL_TIMEOUT": ("80", "graceful_timeout", "80"),
    "GUNICORN_ACCESS_LOG": ("-", "accesslog", "-"),
    "GUNICORN_ERROR_LOG": ("error.log", "errorlog", "error.log"),
    "GUNICORN_LOG_LEVEL": ("DEBUG", "loglevel", "debug"),
}
UVICORN_SETTINGS = {
    "UVICORN_HOST": ("127.0.0.2", "host", "127.0.0.2"),
    "UVICORN_PORT": ("8765", "port", "8765"),
    "UVICORN_PROXY_HEADERS": ("off", "proxy_headers", "False"),
    "FORWARDED_ALLOW_IPS": ("10.0.0.0/8", "forwarded_allow_ips", "10.0.0.0/8"),
    "WEB_CONCURRENCY": ("3", "workers", "3"),
    "UVICORN_LOOP": ("uvloop", "loop", "uvloop"),
    "UVICORN_LIMIT_CONCURRENCY": ("76", "limit_concurrency", "76"),
    "UVICORN_LIMIT_MAX_REQUESTS": ("77", "limit_max_requests", "77"),
    "UVICORN_LIMIT_MAX_REQUESTS_JITTER": ("78", "limit_max_requests_jitter", "78"),
    "UVICORN_TIMEOUT_KEEP_ALIVE": ("79", "timeout_keep_alive", "79"),
    "UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN": ("80", "timeout_graceful_shutdown", "80"),
    "UVICORN_ACCESS_LOG": ("on", "access_log", "True"),
    "UVICORN_LOG_LEVEL": ("DEBUG", "log_level", "debug"),
}


def printed(project: Installed, variables: dict[str, str]) -> dict[str, str]:
    """Return the settings of the project's server, by name."""
    if (project.project / "serve.py").exists():
        code = "import serve\nfor name, value in vars(serve.configuration()).items(): print(name, '=', value)"
        command: Command = [project.programs / "python", "-c", code]
    else:
        command = [project.programs / "gunicorn", "--print-config", "my_site.wsgi"]
    lines = run(command, project.project, RIGHT | variables).splitlines()
    return {name.strip(): value.strip() for name, found, value in (line.partition("=") for line in lines) if found}


@pytest.mark.xdist_group("start")
@pytest.mark.parametrize(("server", "changes"), [("wsgi", GUNICORN_SETTINGS), ("asgi", UVICORN_SETTINGS)])
def test_each_variable_of_the_server_changes_what_it_says(
    installed: dict[str, Installed], server: str, changes: dict[str, tuple[str, str, str]]
) -> None:
    project = installed[server]
    file = project.project / ("serve.py" if server == "asgi" else "gunicorn.conf.py")
    assert set(re.findall(r'env\.\w+\(\s*"(\w+)"', file.read_text())) == set(changes)

    before = printed(project, {})
    after = printed(project, {name: value for name, (value, _, _) in changes.items()})

    for name, (_, setting, value) in changes.items():
        assert before[setting] != value == after[setting], name
