"""A project works behind nginx and under Supervisor, with the rendered configuration."""

import json
import os
import re
import socket
import ssl
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from ..harness import projects
from ..harness.commands import git, run
from ..harness.servers import free_port, wait_until
from . import faults
from .deploying import (
    Deployment,
    SecureSite,
    configure_nginx,
    deployed,
    program,
    proxying,
    supervising,
)
from .serving import Answer, Site, add_urls

pytestmark = pytest.mark.slow

RENDERED = [
    {"server": server, "use_celery": celery, "deployment": deployment}
    for server, celery, deployment in product(
        ("wsgi", "asgi"), (False, True), (["nginx_supervisor"], ["docker"], ["nginx_supervisor", "docker"])
    )
]

# Accepted findings of gixy, with reasons. Every other finding fails.
KNOWN = {
    (
        "hsts_header",
        "Missing HSTS header",
    ): "Django sends it; a second place with its duration could contradict the first",
    ("http2_misdirected_request", "Missing HTTP/2 misdirected-request safeguard (return 421)"): "444 closes instead",
    ("weak_ssl_tls", "Missing ssl_ciphers directive"): "the server that rejects handshakes needs no ciphers",
}

SECURITY_HEADERS = [
    "Content-Security-Policy",
    "Cross-Origin-Opener-Policy",
    "Permissions-Policy",
    "Referrer-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
]

# A page that shows what the project knows about the client and itself, and accepts any request.
VIEWS = """\
from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.throttling import BaseThrottle

RELEASE = "first"


@csrf_exempt
@login_not_required
def echo(request):
    return JsonResponse({
        "client": BaseThrottle().get_ident(request),
        "files": [file.size for file in request.FILES.values()],
        "headers": dict(request.headers),
        "host": request.get_host(),
        "release": RELEASE,
        "secure": request.is_secure(),
    })


@login_not_required
def page(request):
    return render(request, "page.html")


urlpatterns = [path("", echo), path("page/", page)]
"""

PAGE = "core/templates/page.html"


@pytest.mark.parametrize("answers", RENDERED, ids=lambda answers: "-".join(map(str, answers.values())))
def test_nginx_accepts_its_configuration_and_gixy_finds_nothing(
    template: Path, tmp_path: Path, answers: dict[str, Any]
) -> None:
    project = projects.render(template, tmp_path / "project", answers)

    for deployment in answers["deployment"]:
        nginx = configure_nginx(project, tmp_path / deployment, deployment, 8000)

        # Newer versions warn about this form of HTTP/2, but nginx 1.22 knows no other.
        warnings = [line for line in nginx.test().splitlines() if "[warn]" in line and '"listen ... http2"' not in line]
        assert warnings == []
        # gixy always reports findings, because nginx.conf is Debian's.
        report = run([program("gixy"), "--format", "json", nginx.configuration], nginx.folder, fails=True)
        ours = [found for found in json.loads(report) if not Path(found["file"]).samefile(nginx.configuration)]
        assert {(found["plugin"], found["summary"]) for found in ours} == KNOWN.keys(), ours


STACKS = [
    pytest.param(name, marks=pytest.mark.xdist_group(f"deploy-{name}"))
    for name in ("wsgi", "asgi", "wsgi-celery", "asgi-celery")
]


@pytest.fixture(scope="module", params=STACKS)
def deployment(
    request: pytest.FixtureRequest, template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    server, _, celery = request.param.partition("-")
    answers = {"server": server, "use_celery": bool(celery)}
    folder = tmp_path_factory.mktemp(request.param)
    with deployed(template, environments, folder, answers, prepare=add_echo) as running:
        yield running


def add_echo(project: Path) -> None:
    """Add the page above to a project."""
    add_urls(project, "echo", VIEWS)
    (project / PAGE).write_text('{"release": "first"}')


def plain(deployment: Deployment) -> Site:
    """Return the site without TLS."""
    return Site(deployment.nginx.http, deployment.site.log, deployment.site.process)


def stylesheet(deployment: Deployment) -> str:
    """Return the path of the home page's stylesheet."""
    found = re.search(r'href="(/static/site/site\.\w+\.css)"', deployment.site.ask("/").body)
    assert found is not None
    return found[1]


def logged(deployment: Deployment, answer: Answer) -> tuple[str, dict[str, Any]]:
    """Return the only line of a request in nginx's log, and the only record in the project's."""
    identifier, log = answer.headers["X-Request-ID"], deployment.nginx.folder / "access.log"

    def lines() -> list[str]:
        return [line for line in log.read_text().splitlines() if identifier in line]

    def records() -> list[dict[str, Any]]:
        return [record for record in deployment.site.records() if record["request_id"] == identifier]

    wait_until(lambda: bool(lines()) and bool(records()), 10, "the request is logged")
    (line,), (record,) = lines(), records()
    return line, record


def how_often(answer: Answer) -> dict[str, int]:
    """Return how often a response has each security header."""
    return {name: len(answer.headers.get_all(name, [])) for name in SECURITY_HEADERS if name in answer.headers}


def test_every_program_runs(deployment: Deployment) -> None:
    expected = {"web"} | ({"worker", "beat"} if "REDIS_URL" in deployment.variables else set())

    assert deployment.supervisor.status() == dict.fromkeys(expected, "RUNNING")


def test_pages_have_each_security_header_once(deployment: Deployment) -> None:
    page = deployment.site.ask("/", headers={"Accept-Encoding": "gzip"})

    assert page.status == 200
    assert "<h1>My Site</h1>" in page.body
    assert how_often(page) == dict.fromkeys(SECURITY_HEADERS, 1)
    assert page.headers["Server"] == "nginx"
    for answer in (deployment.site.ask("/nothing/"), deployment.site.ask("/people/")):
        assert how_often(answer) == dict.fromkeys(SECURITY_HEADERS, 1), answer.status
    assert how_often(deployment.site.ask("/readyz")) == {"X-Content-Type-Options": 1}


def test_static_files_are_compressed_and_kept_for_ever(deployment: Deployment) -> None:
    path = stylesheet(deployment)
    answer = deployment.site.ask(path, headers={"Accept-Encoding": "gzip"})

    assert answer.status == 200
    assert answer.headers.get_all("Cache-Control") == ["public, max-age=31536000, immutable"]
    assert answer.headers["Content-Type"] == "text/css"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert "X-Request-ID" not in answer.headers, "Django served it"
    assert how_often(answer) == {"X-Content-Type-Options": 1}
    assert "color" in deployment.site.ask(path).body
    unhashed = deployment.site.ask("/static/site/site.css")
    assert unhashed.headers.get_all("Cache-Control") == ["public, max-age=60"]
    missing = deployment.site.ask("/static/site/site.0123456789ab.css")
    assert missing.status == 404
    assert "Cache-Control" not in missing.headers
    assert how_often(missing) == {"X-Content-Type-Options": 1}


def test_uploads_are_served_in_a_sandbox(deployment: Deployment) -> None:
    upload = deployment.project / "media" / "page.html"
    upload.parent.mkdir(exist_ok=True)
    upload.write_text("<script>alert(1)</script>")

    answer = deployment.site.ask("/media/page.html")

    assert answer.status == 200
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert how_often(answer) == {"Content-Security-Policy": 1, "X-Content-Type-Options": 1}
    for path in ("/media/../.env", "/media../.env", "/media/%2e%2e/.env", "/static../.env"):
        assert deployment.site.ask(path).status in (400, 404)


def test_plain_http_leads_to_https(deployment: Deployment) -> None:
    redirect = plain(deployment).ask("/people/?page=2")

    assert redirect.status == 301
    assert redirect.headers.get_all("Location") == ["https://example.com/people/?page=2"]
    assert how_often(redirect) == {}
    proof = deployment.nginx.folder / "challenges" / ".well-known" / "acme-challenge" / "token"
    proof.parent.mkdir(parents=True)
    proof.write_text("proof")
    assert plain(deployment).ask("/.well-known/acme-challenge/token").body == "proof"


@pytest.mark.parametrize("host", [b"Host: evil.example.org\r\n", b"Host: 127.0.0.1\r\n", b""])
def test_unknown_hosts_are_not_answered(deployment: Deployment, host: bytes) -> None:
    version = b"1.1" if host else b"1.0"
    for site in (plain(deployment), deployment.site):
        assert site.send(b"GET / HTTP/%s\r\n%s\r\n" % (version, host)) == b""


def test_other_hosts_do_not_get_the_certificate(deployment: Deployment) -> None:
    site = deployment.site
    stranger = SecureSite(site.port, site.log, site.process, site.authority, name="evil.example.org")

    with pytest.raises(ssl.SSLError, match="unrecognized name"):
        stranger.ask("/")


def handshake(deployment: Deployment, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    """Return a TLS connection with these settings, which may resume a session."""
    deployment.nginx.authority.configure_trust(context)
    plain_socket = socket.create_connection(("127.0.0.1", deployment.nginx.https), timeout=30)
    return context.wrap_socket(plain_socket, server_hostname="example.com", session=session)


def test_tls_is_modern(deployment: Deployment) -> None:
    newest = ssl.create_default_context()
    newest.set_alpn_protocols(["h2", "http/1.1"])
    with handshake(deployment, newest) as connection:
        assert connection.selected_alpn_protocol() == "h2"
        assert connection.version() == "TLSv1.3"

    oldest = ssl.create_default_context()
    oldest.maximum_version = ssl.TLSVersion.TLSv1_2
    with handshake(deployment, oldest) as connection:
        cipher, session = connection.cipher(), connection.session
        assert cipher is not None
        assert cipher[0].startswith("ECDHE-")
    with handshake(deployment, oldest, session) as connection:
        assert connection.session_reused

    oldest.set_ciphers("AES256-GCM-SHA384:AES128-SHA")
    with pytest.raises(ssl.SSLError, match="handshake failure"):
        handshake(deployment, oldest)

    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        oldest.minimum_version = oldest.maximum_version = ssl.TLSVersion.TLSv1_1
    oldest.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="protocol version"):
        handshake(deployment, oldest)


def test_clients_cannot_forge_headers_of_the_proxy(deployment: Deployment) -> None:
    site = deployment.site
    client = SecureSite(site.port, site.log, site.process, site.authority, address="127.0.0.77")
    spoofed = {
        "Connection": "upgrade, keep-alive",
        "Forwarded": "for=10.0.0.1;host=evil.example.org;proto=http",
        "Upgrade": "h2c",
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Host": "evil.example.org",
        "X-Forwarded-Proto": "http",
        "X-Request-ID": "chosen-by-the-client",
        "X_Forwarded_For": "10.0.0.2",
    }

    answer = client.ask("/echo/", headers=spoofed)
    seen = json.loads(answer.body)

    assert seen["client"] == "127.0.0.77"
    assert seen["secure"] is True
    assert seen["host"] == "example.com"
    headers = {name.lower(): value for name, value in seen["headers"].items()}
    assert headers["x-forwarded-proto"] == "https"
    assert headers["connection"] == "close"
    assert not headers.keys() & {"forwarded", "upgrade", "x-forwarded-for", "x-forwarded-host"}
    identifier = answer.headers["X-Request-ID"]
    assert identifier == headers["x-request-id"] != "chosen-by-the-client"
    line, record = logged(deployment, answer)
    assert line.startswith("127.0.0.77 ")
    assert line.endswith(identifier)
    assert (record["client"], record["path"], record["status"]) == ("127.0.0.77", "/echo/", 200)


def test_forms_work_on_any_port(deployment: Deployment) -> None:
    for host in ("example.com", "example.com:8443", "EXAMPLE.com:8443"):
        headers = {"Host": host, "Origin": f"https://{host.lower()}"}
        page = deployment.site.ask("/login/", headers=headers)
        fields = {"username": "nobody", "password": "wrong"}

        assert deployment.site.submit(page, "/login/", fields, headers=headers).status == 200, host
        assert json.loads(deployment.site.ask("/echo/", headers=headers).body)["host"] == host.lower()
        other = headers | {"Origin": "https://example.com:8444"}
        assert deployment.site.submit(page, "/login/", fields, headers=other).status == 403, host


def test_logs_contain_no_secrets(deployment: Deployment) -> None:
    token, key = "c4x2aa-" + "0f" * 16, "MQ:1vP3xy:" + "A-b_0" * 8 + "abc"
    for path in (f"/password/reset/MQ/{token}/", f"/echo/{key}", f"/echo/{key.replace(':', '%3A')}/?code=private"):
        line, record = logged(deployment, deployment.site.ask(path))

        for text in (line, str(record)):
            assert "***" in text
            assert not any(secret in text for secret in (token[8:], key[10:], "private"))


def test_each_request_has_one_line_in_each_log(deployment: Deployment) -> None:
    before = deployment.site.log.read_text()
    for method, path, status in [("GET", "/", 200), ("HEAD", "/", 200), ("GET", "/nothing/%0a", 404)]:
        answer = deployment.site.ask(path, method=method)

        assert answer.status == status
        _, record = logged(deployment, answer)
        assert (record["method"], record["status"], record["user"]) == (method, status, None)
        assert record["duration_ms"] >= 0
    assert "WARNING" not in deployment.site.log.read_text().removeprefix(before)


def test_too_large_requests_are_refused(deployment: Deployment) -> None:
    def upload(size: int) -> Answer:
        head = '--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n'
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        body = f"{head}{'0' * size}\r\n--x--\r\n"
        return deployment.site.ask("/echo/", method="POST", body=body, headers=headers)

    accepted = upload(9 * 2**20)
    refused = upload(11 * 2**20)

    assert json.loads(accepted.body)["files"] == [9 * 2**20]
    assert refused.status == 413
    assert how_often(refused) == {"X-Content-Type-Options": 1}
    assert deployment.site.ask("/echo/", headers={"X-Long": "x" * 7000}).status == 200
    for path, headers, status in [
        ("/echo/", {"X-Long": "x" * 9000}, 400),
        ("/echo/", {f"X-{number}": "x" * 7000 for number in range(5)}, 400),
        (f"/echo/?{'x' * 9000}", {}, 414),
    ]:
        answer = deployment.site.ask(path, headers=headers)
        assert answer.status == status
        assert how_often(answer) == {"X-Content-Type-Options": 1}


@contextmanager
def alone(template: Path, folder: Path, upstream: int, old: str = "", new: str = "") -> Iterator[SecureSite]:
    """Run nginx in front of a port, with one change in the project's file. Yields the site."""
    project = projects.render(template, folder / "project", {"deployment": ["nginx_supervisor"]})
    nginx = configure_nginx(project, folder / "nginx", "nginx_supervisor", upstream)
    if old:
        projects.replace(folder / "nginx" / "conf.d", old, new)
    with proxying(nginx):
        assert nginx.process is not None
        yield SecureSite(nginx.https, folder / "none", nginx.process, nginx.authority, address="127.0.0.1")


def test_nginx_shows_a_plain_page_while_the_server_is_down(template: Path, tmp_path: Path) -> None:
    with alone(template, tmp_path, 1) as site:
        answer = site.ask("/people/")

    assert answer.status == 502
    assert answer.body == "The site is not available right now. Please try again in a minute.\n"
    assert answer.headers["Content-Type"] == "text/plain"
    assert how_often(answer) == {"X-Content-Type-Options": 1}


@contextmanager
def stub(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Run a server that responds with some bytes, then echoes. Yields its port and the requests."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:

        def serve() -> None:
            while True:
                try:
                    connection = listener.accept()[0]
                except OSError:
                    return
                with connection:
                    requests.append(connection.recv(65536))
                    connection.sendall(answer)
                    if b" 101 " in answer:
                        while part := connection.recv(65536):
                            connection.sendall(part)

        Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1], requests
        listener.shutdown(socket.SHUT_RDWR)


def test_websockets_pass(template: Path, tmp_path: Path) -> None:
    switch = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    with stub(switch) as (port, requests), alone(template, tmp_path, port) as site, site.connect() as connection:
        connection.sendall(
            b"GET /chat/ HTTP/1.1\r\nHost: example.com\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        answer = connection.recv(65536)
        connection.sendall(b"hello")
        echo = connection.recv(65536)

    assert answer.startswith(b"HTTP/1.1 101 ")
    assert echo == b"hello"
    lines = requests[0].lower().split(b"\r\n")
    assert {b"connection: upgrade", b"upgrade: websocket", b"sec-websocket-version: 13"} <= set(lines)


def test_nginx_limits_the_requests_of_one_address(template: Path, tmp_path: Path) -> None:
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with (
        stub(ok) as (port, _),
        # A low rate, because a slow machine may not exceed 100 requests per second.
        alone(template, tmp_path, port, "rate=100r/s", "rate=1r/m") as site,
    ):
        greedy = [site.ask("/people/").status for _ in range(210)]
        others = [site.ask("/static/nothing").status for _ in range(10)]
        site.address = "127.0.0.2"
        neighbour = site.ask("/people/").status

    assert greedy[:200] == [200] * 200
    assert greedy[201:] == [429] * 9
    assert others == [404] * 10
    assert neighbour == 200


def release_commands(deployment: Deployment) -> list[str]:
    """Return the commands for each release in deploy/README.md: the user's, and root's."""
    text = (deployment.project / "deploy" / "README.md").read_text()
    section = text.partition("\n## For each release\n")[2].partition("\n## ")[0]
    return re.findall(r"```sh\n(.*?)```", section, re.DOTALL)


def test_a_release_loses_no_request(deployment: Deployment, tmp_path: Path) -> None:
    origin, elsewhere = tmp_path / "origin.git", tmp_path / "elsewhere"
    run([projects.UV, "lock", "--python", sys.executable], deployment.project)
    git(deployment.project, "init", "--quiet", "--initial-branch=main")
    git(deployment.project, "add", "--all", "--", ":!.venv")
    git(deployment.project, "commit", "--quiet", "--message", "First")
    git(tmp_path, "clone", "--quiet", "--bare", str(deployment.project), str(origin))
    git(deployment.project, "remote", "add", "origin", str(origin))
    git(deployment.project, "fetch", "--quiet", "origin")
    git(deployment.project, "branch", "--quiet", "--set-upstream-to=origin/main")
    git(tmp_path, "clone", "--quiet", str(origin), str(elsewhere))
    # gunicorn's main process must not import the project's package.
    projects.replace(elsewhere, 'RELEASE = "first"', "from my_site import RELEASE")
    with (elsewhere / "my_site" / "__init__.py").open("a") as package:
        package.write('\nRELEASE = "second"\n')
    css = elsewhere / "core" / "static" / "site" / "site.css"
    css.write_text(css.read_text() + "/* second */\n")
    # A page that was never requested shows a file that the old code does not know.
    (css.parent / "second.css").write_text("")
    pulled = deployment.project / "core" / "static" / "site" / "second.css"
    (elsewhere / PAGE).write_text(
        """{% load static %}{"release": "second", "file": "{% static 'site/second.css' %}"}"""
    )
    git(elsewhere, "add", "--all")
    git(elsewhere, "commit", "--quiet", "--message", "Second")
    git(elsewhere, "push", "--quiet", "origin", "main")
    old_stylesheet, over = stylesheet(deployment), Event()
    as_user, as_root = release_commands(deployment)
    # The new processes also read the changed .env.
    variables = deployment.project / ".env"
    variables.write_text(variables.read_text().replace("secret-admin", "new-admin") + "WEB_CONCURRENCY=3\n")
    configuration = deployment.supervisor.folder / "supervisord.conf"
    supervisorctl = f"{program('supervisorctl')} -c {configuration} "
    path = {"PATH": f"{Path(projects.UV).parent}:{os.environ['PATH']}"}

    def ask() -> list[str]:
        seen = []
        while not over.wait(0.02):
            try:
                for path in ("/echo/", "/echo/page/") if pulled.exists() else ("/echo/",):
                    answer = deployment.site.ask(path)
                    seen.append(json.loads(answer.body)["release"] if answer.status == 200 else str(answer.status))
            except OSError as error:
                seen.append(repr(error))
        return seen

    with ThreadPoolExecutor(4) as pool:
        clients = [pool.submit(ask) for _ in range(4)]
        try:
            run(["bash", "-euc", as_user], deployment.project, path)
            run(["bash", "-euc", as_root.replace("supervisorctl ", supervisorctl)], deployment.project)
            fresh = 0

            def is_new() -> bool:
                nonlocal fresh
                fresh = fresh + 1 if json.loads(deployment.site.ask("/echo/").body)["release"] == "second" else 0
                return fresh == 40

            wait_until(is_new, 60, "every process has the new code")
        finally:
            over.set()
        answers = [client.result() for client in clients]

    assert set().union(*answers) == {"first", "second"}
    new_stylesheet = stylesheet(deployment)
    assert new_stylesheet != old_stylesheet
    for path_of_one in (old_stylesheet, new_stylesheet):
        assert deployment.site.ask(path_of_one).status == 200
    assert deployment.site.ask("/new-admin/login/").status == 200
    assert deployment.site.ask("/secret-admin/login/").status == 404
    assert len(faults.children(deployment.supervisor.pid("web"))) == 3
    assert set(deployment.supervisor.status().values()) == {"RUNNING"}


def test_everything_stops_cleanly(deployment: Deployment) -> None:
    names = deployment.supervisor.status().keys()
    deployment.supervisor.ctl("stop", "all")

    events = deployment.supervisor.events()
    for name in names:
        assert f"stopped: my_site-{name} (exit status 0)" in events
    assert "killing" not in events
    assert deployment.site.ask("/").status == 502


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_a_missing_variable_is_fatal_and_named(template: Path, environments: Path, tmp_path: Path, server: str) -> None:
    answers = {"server": server, "use_celery": True, "deployment": ["nginx_supervisor"]}
    project = projects.render(template, tmp_path / "project", answers)
    (project / ".venv").symlink_to(projects.environment(project, environments, production=True).parent)
    (project / ".env").write_text("".join(f"{name}={value}\n" for name, value in projects.PRODUCTION.items()))

    with supervising(project, tmp_path / "supervisor", free_port()) as supervisor:
        wait_until(lambda: list(supervisor.status().values()).count("FATAL") == 2, 120, "Supervisor gives up")

        # Supervisor retries the web server for longer.
        assert supervisor.status()["web"] in ("BACKOFF", "STARTING")
        for name in ("web", "worker", "beat"):
            assert "Set DATABASE_URL, REDIS_URL: .env.example says what each is." in supervisor.log(name)
