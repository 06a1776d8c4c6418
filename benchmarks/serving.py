"""Compare how a generated project and a plain startproject with DRF serve the same pages, as ratios within one run.

Usage: uv run python -m benchmarks.serving [ROUNDS] [QUESTION=ANSWER ...]

Prints, for WSGI and for ASGI (or for the one that server= names): requests per second of /livez, /readyz, the
home page and an API page of 50 people, requested with a token; the time from the start to the first response; and the
memory of a worker. Each is a multiple of the plain project's figure: above 1 is more. The servers take turns of half a
second, ROUNDS times (20 unless given), so that other work on the machine slows down both. Each ratio is the median of
all rounds. One worker serves on one core; the client and PostgreSQL use another.

Both have the same packages, database server, rows, users, tokens, template, serializer, page size, authentication,
permission and settings of the server. Both use keep-alive connections, as behind a proxy that speaks HTTPS, and log no
requests. The plain project has two views for its health, behind startproject's middleware. Only the generated project
has protections: request ids, a strict CSP, HTTPS and HSTS, refusal of other hosts and of NUL characters, required
logins, locks, throttles of users and of bursts (counted in the cache of production), strict parsing, hashed static
files and a server for them, checked database connections, accounts, and JSON logs. A thousand users take turns, so that
none exceeds the throttles.
"""

import selectors
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from itertools import cycle
from pathlib import Path
from statistics import median

import yaml

from tests.harness.commands import run
from tests.harness.projects import snapshot
from tests.services.serving import Site, Stack, in_production, serving

CONNECTIONS = 4
NEVER_RENEWED = ["--max-requests=0"]
SECONDS = 0.5
STARTS = 5
USERS = 1_000

ROWS = f"""
from django.apps import apps
from django.contrib.auth import get_user_model
from people.models import Person
User = get_user_model()
users = User.objects.bulk_create(User(**{{User.USERNAME_FIELD: f"{{n}}@example.com"}}) for n in range({USERS}))
if apps.is_installed("knox"):
    from knox.crypto import hash_token
    from knox.models import AuthToken
    for n, user in enumerate(users):
        AuthToken(digest=hash_token(f"{{n:04}}{{0:036}}"), token_key=f"{{n:04}}{{0:036}}"[:15], user=user).save()
else:
    from rest_framework.authtoken.models import Token
    Token.objects.bulk_create(Token(key=f"{{n:04}}{{0:036}}", user=user) for n, user in enumerate(users))
Person.objects.bulk_create(Person(name=f"{{n:03}}", age=n % 100, email=f"{{n}}@example.com") for n in range(200))
"""

PLAIN_SETTINGS = """
from os import environ
from urllib.parse import urlsplit

DEBUG = False
ALLOWED_HOSTS = ["example.com"]
INSTALLED_APPS += ["people", "rest_framework", "rest_framework.authtoken"]
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
TEMPLATES[0]["OPTIONS"]["context_processors"].append("my_site.views.site")
url = urlsplit(environ["DATABASE_URL"])
DATABASES["default"] = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": url.hostname,
    "NAME": url.path.strip("/"),
    "PORT": url.port,
    "USER": url.username,
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "PAGE_SIZE": 50,
}
"""
PLAIN_CONNECTIONS = {
    "wsgi": 'DATABASES["default"]["CONN_MAX_AGE"] = 60\n',
    "asgi": 'DATABASES["default"]["OPTIONS"] = {"pool": {"max_size": 10, "timeout": 15}}\n',
}
PLAIN_VIEWS = """\
from django.db import connection
from django.http import HttpResponse
from django.shortcuts import render
from people.models import Person
from people.serializers import PersonSerializer
from rest_framework.permissions import DjangoModelPermissions
from rest_framework.viewsets import ModelViewSet


def site(request):
    return {"site": {"NAME": "My Site", "DESCRIPTION": "A website."}, "brand": "My Site"}


def livez(request):
    return HttpResponse("ok\\n", content_type="text/plain")


def readyz(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\\n", content_type="text/plain")


def home(request):
    return render(request, "home.html", {"guide": None})


class PersonViewSet(ModelViewSet):
    queryset = Person.objects.all()
    serializer_class = PersonSerializer
    permission_classes = [DjangoModelPermissions]
"""
PLAIN_URLS = """\
from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from rest_framework.routers import DefaultRouter

from . import views

router = DefaultRouter()
router.register("people", views.PersonViewSet)

urlpatterns = [
    path("", views.home),
    path("admin/", admin.site.urls),
    path("api/", include(router.urls)),
    path("livez", views.livez),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("readyz", views.readyz),
]
"""
PLAIN_GUNICORN = {
    "wsgi": 'control_socket_disable = True\nthreads = 4\nworker_class = "gthread"\n',
    "asgi": 'control_socket_disable = True\nworker_class = "asgi"\n',
}


def startproject(stack: Stack, server: str) -> Path:
    """Create a plain project beside a generated one, with the same pages."""
    ours, plain = stack.project, stack.folder / "plain"
    plain.mkdir()
    run([stack.programs / "django-admin", "startproject", "my_site", plain], stack.folder)
    site, people, templates = plain / "my_site", plain / "people", plain / "templates"
    (people / "migrations").mkdir(parents=True)
    for name in ("__init__.py", "models.py", "serializers.py", "migrations/__init__.py", "migrations/0001_initial.py"):
        shutil.copy(ours / "people" / name, people / name)
    templates.mkdir()
    app = str(yaml.safe_load((ours / ".copier-answers.yml").read_text())["app_name"])
    for name in ("base.html", f"{app}/home.html"):
        shutil.copy(ours / app / "templates" / name, templates)
    with (site / "settings.py").open("a") as settings:
        settings.write(PLAIN_SETTINGS + PLAIN_CONNECTIONS[server])
    (site / "views.py").write_text(PLAIN_VIEWS)
    (site / "urls.py").write_text(PLAIN_URLS)
    (plain / "gunicorn.conf.py").write_text(PLAIN_GUNICORN[server])
    return plain


def request(path: str, *headers: str) -> bytes:
    """Return a request as a proxy in front would send it."""
    return "\r\n".join(
        [f"GET {path} HTTP/1.1", "Host: example.com", "X-Forwarded-Proto: https", *headers, "", ""]
    ).encode()


def is_whole(answer: bytes) -> bool:
    """Return whether a response is complete. Raises AssertionError if its status is not 200."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return False
    assert head.startswith(b"HTTP/1.1 200"), answer
    name, length = b"content-length: ", head.lower()
    if name in length:
        return len(body) == int(length.split(name)[1].split(b"\r\n")[0])
    return body.endswith(b"0\r\n\r\n")


def rate(port: int, requests: Iterator[bytes]) -> float:
    """Return the requests per second of a server, over a few connections that wait for each response."""
    count, start = 0, time.perf_counter()
    with ExitStack() as opened, selectors.DefaultSelector() as selector:
        for _ in range(CONNECTIONS):
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            connection.sendall(next(requests))
            selector.register(connection, selectors.EVENT_READ, bytearray())
        while (now := time.perf_counter()) < start + SECONDS:
            for key, _ in selector.select(30):
                assert isinstance(key.fileobj, socket.socket)
                part = key.fileobj.recv(1 << 16)
                assert part, "The server closed a connection."
                key.data.extend(part)
                if is_whole(key.data):
                    count += 1
                    key.data.clear()
                    key.fileobj.sendall(next(requests))
    return count / (now - start)


def alternating[Figure](rounds: int, ours: Callable[[], Figure], plain: Callable[[], Figure]) -> list[list[Figure]]:
    """Return the figures of both, round by round. They take turns in going first."""
    pairs = []
    for number in range(rounds):
        if number % 2:
            pairs.append([ours(), plain()])
        else:
            pairs.append([plain(), ours()][::-1])
    return pairs


def memory(site: Site) -> float:
    """Return the memory of a worker in MB. Shared memory is divided among its processes."""
    children = Path(f"/proc/{site.process.pid}/task/{site.process.pid}/children").read_text().split()
    rollups = [Path(f"/proc/{child}/smaps_rollup").read_text() for child in children]
    return max(int(rollup.split("\nPss:")[1].split()[0]) / 1024 for rollup in rollups)


def compare(stack: Stack, server: str, rounds: int) -> None:
    """Print how a generated project serves, compared with a plain one."""
    assert stack.database is not None
    plain = startproject(stack, server)
    variables = {"DATABASE_URL": stack.database.create_database("plain"), "DJANGO_SETTINGS_MODULE": "my_site.settings"}
    run([stack.programs / "python", "manage.py", "migrate"], plain, variables)
    sides = ((stack.project, stack.variables), (plain, variables))
    for project, given in sides:
        run([stack.programs / "python", "manage.py", "shell", "--no-imports", "--command", ROWS], project, given)
    tokens = [request("/api/people/", f"Authorization: Token {n:04}{0:036}") for n in range(USERS)]
    pages = {path: [request(path)] for path in ("/livez", "/readyz", "/")} | {"/api/people/": tokens}

    def show(what: str, unit: str, pairs: list[list[float]]) -> None:
        ours, theirs = (median(figures) for figures in zip(*pairs, strict=True))
        ratio = median(first / second for first, second in pairs)
        print(f"{server} {what}: {ratio:.2f} times plain ({ours:.4g} and {theirs:.4g} {unit})", flush=True)

    def serve(side: int, workers: int) -> AbstractContextManager[Site]:
        project, given = sides[side]
        return serving(project, stack.programs, server, given, project / "web.log", workers, NEVER_RENEWED)

    def start(side: int) -> tuple[float, float]:
        begun = time.perf_counter()
        with serve(side, workers=2) as site:
            seconds = time.perf_counter() - begun
            for requests in pages.values():
                rate(site.port, cycle(requests))
            return seconds, memory(site)

    with serve(0, workers=1) as ours, serve(1, workers=1) as theirs:
        for path, requests in pages.items():
            first, second = (partial(rate, site.port, cycle(requests)) for site in (ours, theirs))
            alternating(4, first, second)  # warms both up
            show(path, "requests per second", alternating(rounds, first, second))
    starts = alternating(STARTS, partial(start, 0), partial(start, 1))
    show("start", "s", [[seconds for seconds, _ in pair] for pair in starts])
    show("worker", "MB", [[megabytes for _, megabytes in pair] for pair in starts])


def main() -> None:
    rounds = int(next((argument for argument in sys.argv[1:] if "=" not in argument), 20))
    answers = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    for server in [answers["server"]] if "server" in answers else ["wsgi", "asgi"]:
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent)
            template = snapshot(folder / "template")
            with in_production(template, folder / "environments", folder, answers | {"server": server}) as stack:
                compare(stack, server, rounds)


if __name__ == "__main__":
    main()
