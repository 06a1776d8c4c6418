"""Compare how a generated project serves with an older state of the template, and with a plain startproject with DRF.

Usage: uv run python -m benchmarks.serving [ROUNDS] [before=PATH] [PEER=PATH ...] [QUESTION=ANSWER ...]

The PATH of before is a clone of this repository at an older commit. Without it, there are no figures of an older state,
nor are there if that state serves ASGI without gunicorn.

Prints a table for each database and server, or for the ones that database= and server= name. Its figures are the CPU
milliseconds that the worker spends on a request to /livez, the home page, /api/me/, and an API page of 50 people; the
CPU seconds until the first response; and the memory of a worker after all these requests. Requests to the API have a
token. The servers take turns of half a second, ROUNDS times (20 unless given), so that other work on the machine slows
down all of them; they also take turns in going first. Each figure is a median, and each ratio the median of the ratios
of all rounds. One worker serves with one core; the client, PostgreSQL, and Redis use another.

All have the same packages, server, rows, users, template, serializer, page size, authentication, permission, and
settings of the server. All use keep-alive connections, as behind a proxy that speaks HTTPS. Only generated projects
have protections: request ids, a line of JSON for each request, a strict CSP, HTTPS and HSTS, refusal of other hosts and
of NUL characters, required logins, locks, strict parsing, hashed static files and a server for them, checked
database connections, accounts, and hashed tokens that end with the password. Their throttles are off, except in the
column "throttles", which counts in Redis. A thousand users take turns, so that none exceeds the throttles.

PEER is cookiecutter-django or django-keel, PATH a project that it generated with DRF, django-allauth, and a home page,
after `uv sync` in it. With peers, prints another table instead: a page, the login page, and /api/me/ or what is like
it, with PostgreSQL, Redis, gunicorn, and settings of production: ours with throttles, the peers with their own
settings of gunicorn, which closes connections. django-keel has no API answer with a token, so it has none here.
"""

import os
import selectors
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path
from statistics import median
from textwrap import indent

import yaml

from tests.harness.commands import Command, manage, run
from tests.harness.projects import environment, render, snapshot
from tests.harness.servers import free_port
from tests.services.serving import STORE_TOKEN, Installation, Site, answering, installed, serving

CONNECTIONS = 4
NEVER_RENEWED = ["--max-requests=0"]
SECONDS = 0.5
STARTS = 5
TICK = 1 / os.sysconf("SC_CLK_TCK")
TOKENS = [f"{number:04}{0:036}" for number in range(1_000)]  # one for each user

UNTHROTTLED = """
from my_site.settings.production import *
from my_site.settings.production import REST_FRAMEWORK
RATES = dict.fromkeys(REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"])
REST_FRAMEWORK = REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": RATES}
"""

ROWS = f"""
from django.apps import apps
from django.contrib.auth import get_user_model
User = get_user_model()
users = User.objects.bulk_create(User(**{{User.USERNAME_FIELD: f"{{n}}@localhost"}}) for n in range({len(TOKENS)}))
if apps.is_installed("knox"):
{indent(STORE_TOKEN, "    ")}
    for user, token in zip(users, {TOKENS}):
        store_token(user, token)
if apps.is_installed("rest_framework.authtoken"):
    from rest_framework.authtoken.models import Token
    Token.objects.bulk_create(Token(key=token, user=user) for user, token in zip(users, {TOKENS}))
if apps.is_installed("people"):
    from people.models import Person
    people = (Person(name=f"{{n:03}}", age=n % 100, email=f"{{n}}@example.com") for n in range(200))
    Person.objects.bulk_create(people)
"""

PLAIN_SETTINGS = """
from os import environ
from urllib.parse import urlsplit

DEBUG = False
ALLOWED_HOSTS = ["example.com"]
INSTALLED_APPS += ["people", "rest_framework", "rest_framework.authtoken"]
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
TEMPLATES[0]["OPTIONS"]["context_processors"].append("my_site.views.site")
url = urlsplit(environ.get("DATABASE_URL", ""))
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
PLAIN_POSTGRESQL = """
DATABASES["default"] = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": url.hostname,
    "NAME": url.path.strip("/"),
    "PORT": url.port,
    "USER": url.username,
}
"""
PLAIN_CONNECTIONS = {
    "wsgi": 'DATABASES["default"]["CONN_MAX_AGE"] = 60\n',
    "asgi": 'DATABASES["default"]["OPTIONS"] = {"pool": {"max_size": 10, "timeout": 15}}\n',
}
PLAIN_VIEWS = """\
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import render
from people.models import Person
from rest_framework.generics import RetrieveAPIView
from rest_framework.permissions import DjangoModelPermissions
from rest_framework.serializers import ModelSerializer
from rest_framework.viewsets import ModelViewSet


def site(request):
    return {"site": {"NAME": "My Site", "DESCRIPTION": "A website."}, "brand": "My Site"}


def livez(request):
    return HttpResponse("ok\\n", content_type="text/plain")


def home(request):
    return render(request, "home.html", {"guide": None})


class CurrentUserSerializer(ModelSerializer):
    class Meta:
        model = User
        fields = ["id", "username", "first_name", "last_name"]


class CurrentUserView(RetrieveAPIView):
    serializer_class = CurrentUserSerializer

    def get_object(self):
        return self.request.user


class PersonSerializer(ModelSerializer):
    class Meta:
        model = Person
        fields = ["id", "name", "age", "email"]


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
    path("api/me/", views.CurrentUserView.as_view()),
    path("livez", views.livez),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
"""
PLAIN_GUNICORN = {
    "wsgi": 'control_socket_disable = True\nthreads = 4\nworker_class = "gthread"\n',
    "asgi": 'control_socket_disable = True\nworker_class = "asgi"\n',
}


# The settings of each peer, and its pages: home, login, and the API's answer about the user.
PEERS = {
    "cookiecutter-django": ("config.settings.production", ["/", "/accounts/login/", "/api/users/me/"]),
    "django-keel": ("config.settings.prod", ["/", "/accounts/login/"]),
}
OWN_PAGES = ["/", "/login/", "/api/me/"]


@dataclass
class Side:
    """One of the projects to compare: with its throttles, if it has any, or with other settings."""

    name: str
    project: Path
    programs: Path
    variables: Mapping[str, str]


def generate(clone: Path, stack: Installation, answers: Mapping[str, str]) -> Side:
    """Create a project beside another one from an older state of the template, with the same answers."""
    project = render(clone, stack.folder / "before", answers, vcs_ref="HEAD")
    programs = environment(project, stack.folder / "environments", production=True)
    variables = stack.variables | {"DATABASE_URL": new_database(stack, "before")}
    manage(project, programs, variables, ["migrate"], ["createcachetable"], ["collectstatic", "--no-input"])
    return Side("before", project, programs, variables)


def startproject(stack: Installation) -> Side:
    """Create a plain project beside a generated one, with the same pages."""
    ours, plain = stack.project, stack.folder / "plain"
    plain.mkdir()
    run([stack.programs / "django-admin", "startproject", "my_site", plain], stack.folder)
    site, people, templates = plain / "my_site", plain / "people", plain / "templates"
    (people / "migrations").mkdir(parents=True)
    for name in ("__init__.py", "models.py", "migrations/__init__.py", "migrations/0001_initial.py"):
        shutil.copy(ours / "people" / name, people / name)
    templates.mkdir()
    app = str(yaml.safe_load((ours / ".copier-answers.yml").read_text())["app_name"])
    for name in ("base.html", f"{app}/home.html"):
        shutil.copy(ours / app / "templates" / name, templates)
    with (site / "settings.py").open("a") as settings:
        settings.write(PLAIN_SETTINGS)
        if stack.database:
            settings.write(PLAIN_POSTGRESQL + PLAIN_CONNECTIONS[stack.server])
    (site / "views.py").write_text(PLAIN_VIEWS)
    (site / "urls.py").write_text(PLAIN_URLS)
    (plain / "gunicorn.conf.py").write_text(PLAIN_GUNICORN[stack.server])
    variables = {"DATABASE_URL": new_database(stack, "plain"), "DJANGO_SETTINGS_MODULE": "my_site.settings"}
    manage(plain, stack.programs, variables, ["migrate"])
    return Side("plain", plain, stack.programs, variables)


def new_database(stack: Installation, name: str) -> str:
    """Return the URL of a new database."""
    return stack.database.create_database(name) if stack.database else f"sqlite:///{stack.folder / name}.sqlite3"


def request(path: str, *headers: str) -> bytes:
    """Return a request as a proxy in front would send it."""
    return "\r\n".join(
        [f"GET {path} HTTP/1.1", "Host: example.com", "X-Forwarded-Proto: https", *headers, "", ""]
    ).encode()


def requests_with_tokens(path: str) -> list[bytes]:
    """Return a request of each user."""
    return [request(path, f"Authorization: Token {token}") for token in TOKENS]


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


def answers_of(port: int, requests: Iterator[bytes]) -> int:
    """Return how many requests a server answers, over a few connections that wait for each response."""
    count, start = 0, time.perf_counter()
    with ExitStack() as opened, selectors.DefaultSelector() as selector:

        def connect() -> None:
            connection = opened.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            connection.sendall(next(requests))
            selector.register(connection, selectors.EVENT_READ, bytearray())

        for _ in range(CONNECTIONS):
            connect()
        while time.perf_counter() < start + SECONDS:
            for key, _ in selector.select(30):
                assert isinstance(key.fileobj, socket.socket)
                part = key.fileobj.recv(1 << 16)
                assert part, "The server closed a connection."
                key.data.extend(part)
                if is_whole(key.data):
                    count += 1
                    if b"\r\nconnection: close\r\n" in key.data.lower():
                        selector.unregister(key.fileobj)
                        key.fileobj.close()
                        connect()
                        continue
                    key.data.clear()
                    key.fileobj.sendall(next(requests))
    return count


def children(site: Site) -> list[str]:
    return Path(f"/proc/{site.process.pid}/task/{site.process.pid}/children").read_text().split()


def cpu(site: Site) -> float:
    """Return the CPU seconds of the workers of a server."""
    stats = [Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split() for child in children(site)]
    return sum(int(stat[11]) + int(stat[12]) for stat in stats) * TICK


def memory(site: Site) -> float:
    """Return the memory of a worker in MB. Shared memory is divided among its processes."""
    rollups = [Path(f"/proc/{child}/smaps_rollup").read_text() for child in children(site)]
    return max(int(rollup.split("\nPss:")[1].split()[0]) / 1024 for rollup in rollups)


def cost(site: Site, requests: Iterator[bytes]) -> float:
    """Return the CPU milliseconds that a request costs."""
    begun = cpu(site)
    count = answers_of(site.port, requests)
    return (cpu(site) - begun) / count * 1000


def serve(side: Side, server: str, workers: int = 1) -> AbstractContextManager[Site]:
    log = side.project / f"{side.name}.log"
    return serving(side.project, side.programs, server, side.variables, log, workers, NEVER_RENEWED)


def serve_peer(peer: Side) -> AbstractContextManager[Site]:
    """Run a peer with one worker, and gunicorn's defaults for everything else."""
    port, log = free_port(), peer.project / "web.log"
    command: Command = [peer.programs / "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{port}"]
    return answering("/", port, command, peer.project, peer.variables, log)


def compare_peers(stack: Installation, paths: Mapping[str, str], rounds: int) -> None:
    """Print how a generated project serves its pages in production, compared with projects of other templates."""
    ours = Side("now", stack.project, stack.programs, stack.variables)
    peers = []
    for name, path in paths.items():
        variables = {
            "DATABASE_URL": new_database(stack, name),
            "DJANGO_ADMIN_URL": "admin/",
            "DJANGO_ALLOWED_HOSTS": "example.com",
            "DJANGO_SECRET_KEY": stack.variables["SECRET_KEY"],
            "DJANGO_SETTINGS_MODULE": PEERS[name][0],
            "REDIS_URL": stack.redis.url,
        }
        peers.append(Side(name, Path(path), Path(path) / ".venv" / "bin", variables))
    for side in [ours, *peers]:
        for command in (["migrate"], ["collectstatic", "--no-input"], ["shell", "--no-imports", "--command", ROWS]):
            run([side.programs / "python", "manage.py", *command], side.project, side.variables)
    with ExitStack() as opened:
        sites = {"now": opened.enter_context(serve(ours, stack.server))}
        sites |= {peer.name: opened.enter_context(serve_peer(peer)) for peer in peers}
        pages = {"now": OWN_PAGES} | {peer.name: PEERS[peer.name][1] for peer in peers}
        for number, page in enumerate(OWN_PAGES):
            requests = {
                name: cycle(requests_with_tokens(paths[number]) if number == 2 else [request(paths[number])])
                for name, paths in pages.items()
                if number < len(paths)
            }
            show(f"postgresql wsgi {page} ms", take_turns(sites, requests, rounds))


def take_turns(
    sites: Mapping[str, Site], requests: Mapping[str, Iterator[bytes]], rounds: int
) -> list[dict[str, float]]:
    """Return the CPU milliseconds of a request to each server, for each round. The first one only warms up."""
    figures = []
    for number in range(rounds + 1):
        first = number % len(requests)
        names = [*requests][first:] + [*requests][:first]
        costs = {name: cost(sites[name], requests[name]) for name in names}
        figures.append({name: costs[name] for name in requests})
    return figures[1:]


def show(what: str, rounds: list[dict[str, float]]) -> None:
    """Print a line of the table: the figures of all sides, and the ratios to those of this state."""
    cells = [f"{name} {median(figures[name] for figures in rounds):.3g}" for name in rounds[0]]
    for name in list(rounds[0])[1:]:
        ratio = median(figures["now"] / figures[name] for figures in rounds)
        cells.append(f"now / {name} {ratio:.2f}")
    print(f"{what:32} | " + " | ".join(cells), flush=True)


def compare(stack: Installation, answers: Mapping[str, str], clone: str, rounds: int) -> None:
    """Print a table: how a generated project serves, compared with the others."""
    (stack.project / "unthrottled.py").write_text(UNTHROTTLED)
    off = {"DJANGO_SETTINGS_MODULE": "unthrottled"}
    throttled = Side("throttles", stack.project, stack.programs, stack.variables)
    sides = [Side("now", stack.project, stack.programs, stack.variables | off)]
    if clone:
        before = generate(Path(clone), stack, answers)
        if (before.programs / "gunicorn").exists():
            (before.project / "unthrottled.py").write_text(UNTHROTTLED)
            before.variables = {**before.variables, **off}
            sides.append(before)
    sides.append(startproject(stack))
    for side in sides:
        manage(side.project, side.programs, side.variables, ["shell", "--no-imports", "--command", ROWS])

    pages = {path: cycle([request(path)]) for path in ("/livez", "/")} | {
        path: cycle(requests_with_tokens(path)) for path in ("/api/me/", "/api/people/")
    }
    title = f"{answers['database']} {stack.server}"
    with ExitStack() as running:
        sites = {side.name: running.enter_context(serve(side, stack.server)) for side in [*sides, throttled]}
        for path, requests in pages.items():
            show(f"{title} {path} ms", take_turns(sites, dict.fromkeys(sites, requests), rounds))
    starts, workers = [], []
    for _ in range(STARTS):
        seconds, megabytes = {}, {}
        for side in sides:
            with serve(side, stack.server, workers=2) as site:
                seconds[side.name] = cpu(site) / 2
                for requests in pages.values():
                    answers_of(site.port, requests)
                megabytes[side.name] = memory(site)
        starts.append(seconds)
        workers.append(megabytes)
    show(f"{title} start s", starts)
    show(f"{title} worker MB", workers)


def main() -> None:
    rounds = int(next((argument for argument in sys.argv[1:] if "=" not in argument), 20))
    answers = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    clone = answers.pop("before", "")
    peers = {name: answers.pop(name) for name in PEERS if name in answers}
    if peers:
        answers |= {"database": "postgresql", "server": "wsgi"}
    databases = [answers["database"]] if "database" in answers else ["sqlite", "postgresql"]
    servers = [answers["server"]] if "server" in answers else ["wsgi", "asgi"]
    for database, server in product(databases, servers):
        given = {"use_celery": "true"} | answers | {"database": database, "server": server}
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent)
            template = snapshot(folder / "template")
            with installed(template, folder / "environments", folder, given) as stack:
                if peers:
                    compare_peers(stack, peers, rounds)
                else:
                    compare(stack, given, clone, rounds)


if __name__ == "__main__":
    main()
