"""Run a generated project's production servers on loopback."""

import http.client
import json
import re
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ..harness import projects, servers
from ..harness.answers import Answers
from ..harness.commands import Command, clean_environment, manage, run
from ..harness.servers import free_port, wait_until

# Create an API token with a known text, as django-rest-knox stores it: run this, then call store_token.
STORE_TOKEN = """
from knox.crypto import hash_token
from knox.models import AuthToken
def store_token(user, token):
    AuthToken(digest=hash_token(token), token_key=token[:15], user=user).save()
"""
PASSWORD = "a long enough password"


@dataclass
class Answer:
    """A response of a server."""

    status: int
    headers: http.client.HTTPMessage
    body: str
    cookies: dict[str, str]


@dataclass
class Site:
    """A running web server of a project, and the file with its output."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        body: str | None = None,
        headers: Mapping[str, str] | None = None,
        https: bool = True,
    ) -> Answer:
        """Request a path like the proxy in front: over HTTPS by default, with the site's host name."""
        sent = {"Host": "example.com"} | ({"X-Forwarded-Proto": "https"} if https else {}) | dict(headers or {})
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        connection.sock = self.connect()
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            text = response.read().decode(errors="replace")
        finally:
            connection.close()
        set_cookies = response.headers.get_all("Set-Cookie") or []
        cookies = dict(cookie.split(";")[0].split("=", 1) for cookie in set_cookies)
        return Answer(response.status, response.headers, text, cookies)

    def send(self, request: bytes) -> bytes:
        """Send raw bytes, and return the response until the server closes the connection."""
        with self.connect() as connection:
            received = b""
            # A server may refuse a request before it has received all of it.
            with suppress(ConnectionError):
                connection.sendall(request)
            with suppress(ConnectionError):
                while part := connection.recv(65536):
                    received += part
        return received

    def post_form(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Load the page with a form, and send the form with its CSRF token and cookie, like a browser."""
        page = self.ask(path)
        return self.submit(page, path, fields)

    def submit(
        self,
        page: Answer,
        path: str,
        fields: Mapping[str, str],
        cookie: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a form of a loaded page, with its CSRF token."""
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.body)
        assert token is not None, page.body
        cookies = "; ".join(
            [*(f"{name}={value}" for name, value in page.cookies.items()), *([cookie] if cookie else [])]
        )
        sent = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Cookie": cookies,
            "Origin": "https://example.com",
        }
        body = urlencode({"csrfmiddlewaretoken": token[1], **fields})
        return self.ask(path, method="POST", body=body, headers=sent | dict(headers or {}))

    def post_json(self, path: str, data: Any, headers: Mapping[str, str] | None = None) -> Answer:
        """Send JSON."""
        sent = {"Content-Type": "application/json"} | dict(headers or {})
        return self.ask(path, method="POST", body=json.dumps(data), headers=sent)

    def records(self) -> list[dict[str, Any]]:
        """Return the server's log records, which are lines of JSON."""
        lines = self.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


@contextmanager
def running(
    command: Command, project: Path, variables: Mapping[str, str], log: Path, *, code: int = 0
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of the project while the block runs. It must end after SIGTERM, with this exit code."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=project,
            env=clean_environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            try:
                ended_with = process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
    assert ended_with == code, log.read_text()


def add_urls(project: Path, module: str, code: str) -> None:
    """Add a module with URLs to a project, below a path of the same name, like a team's own code."""
    urls = project / "my_site" / "urls.py"
    marker = "    # The URLs of your own apps go below this line.\n"
    assert marker in urls.read_text()
    urls.write_text(urls.read_text().replace(marker, f'{marker}    path("{module}/", include("{module}")),\n'))
    (project / f"{module}.py").write_text(code)


@contextmanager
def answering(
    path: str, port: int, command: Command, project: Path, variables: Mapping[str, str], log: Path
) -> Iterator[Site]:
    """Run a web server while the block runs, which begins when this port answers the path with 200."""
    with running(command, project, variables, log) as process:
        site = Site(port, log, process)

        def is_up() -> bool:
            assert process.poll() is None, log.read_text()
            try:
                return site.ask(path).status == 200
            except OSError:
                return False

        wait_until(is_up, 30, "the web server starts")
        yield site


@contextmanager
def serving(
    project: Path,
    programs: Path,
    server: str,
    variables: Mapping[str, str],
    log: Path,
    workers: int = 2,
    options: Sequence[str] = (),
) -> Iterator[Site]:
    """Run the web server as the project's README says, with gunicorn's options, while the block runs."""
    port = free_port()
    command: Command = [programs / "gunicorn", f"my_site.{server}", "--bind", f"127.0.0.1:{port}", *options]
    variables = {"WEB_CONCURRENCY": str(workers)} | dict(variables)
    with answering("/livez", port, command, project, variables, log) as site:
        yield site


@dataclass
class Installation:
    """A project that is ready for production: its programs, its database, and its variables."""

    project: Path
    programs: Path
    variables: dict[str, str]
    database: servers.Postgres | None
    server: str
    folder: Path
    mailbox: servers.Mailbox
    redis: servers.Redis

    @property
    def asgi(self) -> bool:
        return self.server == "asgi"

    def python(self, code: str) -> str:
        """Run code in the project's shell."""
        command: Command = [self.programs / "python", "manage.py", "shell", "--no-imports", "--command", code]
        return run(command, self.project, self.variables)


@dataclass
class Stack(Installation):
    """A project in production, and its server."""

    site: Site


@contextmanager
def installed(
    template: Path,
    environments: Path,
    folder: Path,
    answers: Answers,
    *,
    prepare: Callable[[Path], None] = lambda project: None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Installation]:
    """Install a project as its README says, and run the services that it needs, but not the project.

    prepare: changes the project before it starts. variables: replace or extend the usual ones.
    """
    project = projects.render(template, folder / "project", answers)
    prepare(project)
    programs = projects.environment(project, environments, production=True)
    use_postgresql = answers.get("database", "postgresql") == "postgresql"
    with (
        servers.postgres() if use_postgresql else nullcontext() as database,
        servers.redis() as redis,
        servers.mail() as (mail_port, mailbox),
    ):
        given = projects.PRODUCTION | {
            "ADMIN_PATH": "secret-admin",
            "DATABASE_URL": database.create_database("site") if database else f"sqlite:///{folder / 'site.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "my_site.settings.production",
            "EMAIL_HOST": "127.0.0.1",
            "EMAIL_PORT": str(mail_port),
            "EMAIL_USE_TLS": "off",
        }
        if answers.get("use_celery"):
            given["REDIS_URL"] = redis.url
        given |= variables or {}
        manage(project, programs, given, ["migrate"], ["createcachetable"], ["collectstatic", "--no-input"])
        yield Installation(project, programs, given, database, answers.get("server", "wsgi"), folder, mailbox, redis)


@contextmanager
def in_production(
    template: Path,
    environments: Path,
    folder: Path,
    answers: Answers,
    *,
    prepare: Callable[[Path], None] = lambda project: None,
    variables: Mapping[str, str] | None = None,
) -> Iterator[Stack]:
    """Run a project as its README says, with two workers and the services that it needs.

    prepare: changes the project before it starts. variables: replace or extend the usual ones.
    """
    with (
        installed(template, environments, folder, answers, prepare=prepare, variables=variables) as found,
        serving(found.project, found.programs, found.server, found.variables, folder / "web.log") as site,
    ):
        yield Stack(**vars(found), site=site)
