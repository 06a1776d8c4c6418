"""The production servers work on PostgreSQL and a Redis-protocol server."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ..harness import servers
from ..harness.commands import Command, run
from .serving import PASSWORD, STORE_TOKEN, Stack, add_urls, in_production, running

pytestmark = pytest.mark.slow

FAILS = """
from django.contrib.auth.decorators import login_not_required
from django.urls import path

@login_not_required
def fail(request):
    raise ZeroDivisionError("on purpose")

urlpatterns = [path("", fail)]
"""

UNHURRIED = """
import asyncio, sys
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import path

@login_not_required
async def count(request):
    return HttpResponse(f"{await get_user_model().objects.acount()} users")

@login_not_required
async def wait(request):
    try:
        print("It waits.", file=sys.stderr, flush=True)
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        print("Nobody waits.", file=sys.stderr, flush=True)
        raise

@login_not_required
async def stream(request):
    async def parts():
        for part in range(3):
            yield f"part {part}\\n"
            await asyncio.sleep(0)
    return StreamingHttpResponse(parts())

urlpatterns = [path("count/", count), path("stream/", stream), path("wait/", wait)]
"""

COUNT_TRIPS = """
import asyncio
from asgiref.sync import SyncToAsync
from my_site.asgi import application

trips, original = [], SyncToAsync.__call__

def counted(self, *args, **kwargs):
    trips.append(self.func)
    return original(self, *args, **kwargs)

async def ask():
    messages = asyncio.Queue()
    messages.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "headers": [(b"host", b"example.com"), (b"x-forwarded-proto", b"https")],
        "scheme": "https",
    }
    SyncToAsync.__call__ = counted

    async def send(message):
        assert message.get("status", 200) == 200, message

    await application(scope, messages.get, send)

asyncio.run(ask())
print("trips", len(trips))
"""

STACKS = [
    pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("wsgi", "asgi", "wsgi-celery", "asgi-celery")
]
WITH_CELERY = STACKS[2:]
WITH_ASGI = STACKS[1::2]


@pytest.fixture(scope="module", params=STACKS)
def stack(
    request: pytest.FixtureRequest, template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    server, _, celery = request.param.partition("-")
    folder = tmp_path_factory.mktemp(request.param)
    answers = {"server": server, "use_celery": bool(celery)}
    with in_production(template, environments, folder, answers, prepare=add_views) as running_stack:
        yield running_stack


def add_views(project: Path) -> None:
    """Add a failing page, and asynchronous ones, like a team's own code."""
    add_urls(project, "fails", FAILS)
    add_urls(project, "unhurried", UNHURRIED)


def test_the_home_page_is_safe_and_small(stack: Stack) -> None:
    answer = stack.site.ask("/")

    assert answer.status == 200
    assert "<h1>My Site</h1>" in answer.body
    assert "What to type next" not in answer.body
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=3600; includeSubDomains; preload"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"


def test_plain_http_is_redirected_and_unknown_hosts_are_refused(stack: Stack) -> None:
    redirect = stack.site.ask("/", https=False)

    assert redirect.status == 301
    assert redirect.headers["Location"] == "https://example.com/"
    assert stack.site.ask("/", headers={"Host": "evil.example.org"}).status == 400


def test_static_files_are_hashed_compressed_and_kept_for_ever(stack: Stack) -> None:
    stylesheet = re.search(r'href="(/static/site/site\.\w+\.css)"', stack.site.ask("/").body)
    assert stylesheet is not None

    answer = stack.site.ask(stylesheet[1], headers={"Accept-Encoding": "gzip"})

    assert answer.status == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"


def test_probes_need_no_https_and_no_known_host(stack: Stack) -> None:
    for path in ("/livez", "/readyz"):
        answer = stack.site.ask(path, https=False, headers={"Host": "10.1.2.3"})

        assert (answer.status, answer.body) == (200, "ok\n")


def test_the_environment_sets_the_path_of_the_admin(stack: Stack) -> None:
    stack.python(
        "from django.contrib.auth import get_user_model as user;"
        f"user().objects.create_superuser('admin@example.com', '{PASSWORD}')"
    )

    assert stack.site.ask("/admin/").status == 404
    answer = stack.site.post_form("/secret-admin/login/", {"username": "admin@example.com", "password": PASSWORD})

    assert answer.status == 302
    assert "__Host-sessionid" in answer.cookies
    headers = {"Cookie": f"__Host-sessionid={answer.cookies['__Host-sessionid']}"}
    page = stack.site.ask("/secret-admin/", headers=headers)
    assert page.status == 200
    assert "Site administration" in page.body
    home = stack.site.ask("/", headers=headers)
    assert "admin@example.com" in home.body


def test_the_path_of_the_admin_is_not_revealed(stack: Stack) -> None:
    answer = stack.site.ask("/people/")

    assert answer.headers["Location"] == "/login/?next=/people/"
    assert "secret-admin" not in stack.site.ask("/login/").body


def test_a_password_is_reset_by_mail(stack: Stack) -> None:
    stack.python(
        "from django.contrib.auth import get_user_model as user;"
        f"user().objects.create_user('hedy@example.com', '{PASSWORD}')"
    )

    answers = [
        stack.site.post_form("/password/reset/", {"email": f"{name}@example.com"}) for name in ("hedy", "nobody")
    ]

    assert [(answer.status, answer.headers["Location"]) for answer in answers] == [(302, "/login/")] * 2
    servers.wait_until(lambda: bool(stack.mailbox.texts_to("hedy@example.com")), 30, "the mail arrives")
    assert stack.mailbox.texts_to("nobody@example.com") == []
    link = re.search(r"https://example\.com(/password/reset/\S+)", stack.mailbox.texts_to("hedy@example.com")[0])
    assert link is not None
    answer = stack.site.ask(link[1])
    cookie = f"__Host-sessionid={answer.cookies['__Host-sessionid']}"
    form = answer.headers["Location"]
    page = stack.site.ask(form, headers={"Cookie": cookie})
    new = "another long password"
    assert stack.site.submit(page, form, {"new_password1": new, "new_password2": new}, cookie).status == 302
    assert stack.site.post_form("/login/", {"username": "hedy@example.com", "password": PASSWORD}).status == 200
    assert stack.site.post_form("/login/", {"username": "hedy@example.com", "password": new}).status == 302


def test_an_ordinary_user_logs_in_and_out(stack: Stack) -> None:
    stack.python(
        "from django.contrib.auth import get_user_model as user;"
        f"user().objects.create_user('grace@example.com', '{PASSWORD}')"
    )

    answer = stack.site.post_form("/login/", {"username": "Grace@Example.com", "password": PASSWORD})
    headers = {"Cookie": f"__Host-sessionid={answer.cookies['__Host-sessionid']}"}

    assert "grace@example.com" in stack.site.ask("/people/", headers=headers).body
    page = stack.site.ask("/people/", headers=headers)
    assert stack.site.submit(page, "/logout/", {}, headers["Cookie"]).status == 302
    assert stack.site.ask("/people/", headers=headers).status == 302


def test_the_output_of_commands_is_not_mixed_with_logs(stack: Stack) -> None:
    output = run([stack.programs / "python", "manage.py", "dumpdata", "axes"], stack.project, stack.variables)

    assert isinstance(json.loads(output), list)


def test_a_failing_page_needs_no_static_files(stack: Stack) -> None:
    assert "<link" not in stack.site.ask("/fails/").body


def test_wrong_passwords_lock_the_name_in_every_worker(stack: Stack) -> None:
    statuses = [
        stack.site.post_form("/secret-admin/login/", {"username": "eve@example.com", "password": str(number)}).status
        for number in range(8)
    ]

    assert statuses == [200] * 4 + [429] * 4
    assert stack.site.post_form("/login/", {"username": "EVE@example.com", "password": "x"}).status == 429
    long = stack.site.post_form("/secret-admin/login/", {"username": "e" * 2000, "password": "x"})
    assert long.status == 200


def test_the_api_requires_a_token(stack: Stack) -> None:
    stack.python(
        "from django.contrib.auth import get_user_model as user;"
        f"user().objects.create_user('ada@example.com', '{PASSWORD}')"
    )

    assert stack.site.ask("/api/people/").status == 401
    assert stack.site.ask("/api/docs/").status == 401
    credentials = {"username": "ada@example.com", "password": PASSWORD}
    token = json.loads(stack.site.post_json("/api/token/", credentials).body)["token"]
    headers = {"Authorization": f"Token {token}"}
    person = {"name": "Ada", "age": 36, "email": "a@example.com"}
    refused = stack.site.post_json("/api/people/", person, headers)
    stack.python(
        "from django.contrib.auth import get_user_model as user; from django.contrib.auth.models import Group;"
        "user().objects.get(email='ada@example.com').groups.add(Group.objects.get(name='Editors'))"
    )
    created = stack.site.post_json("/api/people/", person, headers)
    listed = stack.site.ask("/api/people/", headers=headers | {"Accept": "text/html, application/json;q=0.1"})

    assert (refused.status, created.status) == (403, 201)
    assert "a@example.com" in [someone["email"] for someone in json.loads(listed.body)["results"]]
    assert listed.headers["Content-Type"] == "application/json"
    docs = stack.site.ask("/api/docs/", headers=headers)
    assert "drf_spectacular_sidecar/swagger-ui-dist" in docs.body
    assert stack.site.ask("/api/schema/", headers=headers).status == 200


def test_workers_share_the_throttle_of_a_client(stack: Stack) -> None:
    def ask_for_tokens(client: str) -> list[int]:
        """Send 12 requests that claim different addresses. The proxy adds the client's own."""
        return [
            stack.site.post_json(
                "/api/token/",
                {"username": str(number), "password": "x"},
                {"X-Forwarded-For": f"10.0.0.{number}, {client}"},
            ).status
            for number in range(12)
        ]

    assert ask_for_tokens("192.0.2.1").count(429) >= 1
    assert ask_for_tokens("192.0.2.2")[0] == 400


def test_workers_share_the_throttle_of_a_user(stack: Stack) -> None:
    token = "0123456789" * 4
    stack.python(
        f"{STORE_TOKEN}from django.contrib.auth import get_user_model as user\n"
        f"store_token(user().objects.create_user('mae@example.com', '{PASSWORD}'), '{token}')"
    )
    headers = {"Authorization": f"Token {token}"}

    statuses = [stack.site.ask("/api/me/", headers=headers).status for _ in range(700)]

    assert statuses[:600] == [200] * 600
    assert statuses[-1] == 429


def test_each_error_leaves_its_traceback_in_the_log(stack: Stack) -> None:
    answer = stack.site.ask("/fails/")

    assert answer.status == 500
    assert "Something went wrong" in answer.body
    errors = [record for record in stack.site.records() if record["levelname"] == "ERROR"]
    failed = [record for record in errors if "ZeroDivisionError: on purpose" in record.get("exc_info", "")]
    assert answer.headers["X-Request-ID"] in {record["request_id"] for record in failed}


@pytest.mark.parametrize("stack", WITH_ASGI, indirect=True, scope="module")
def test_head_requests_log_no_warning(stack: Stack) -> None:
    before = len(stack.site.log.read_text())

    answer = stack.site.ask("/", method="HEAD")

    assert (answer.status, answer.body) == (200, "")
    assert "WARNING" not in stack.site.log.read_text()[before:]


@pytest.mark.parametrize("stack", WITH_ASGI, indirect=True, scope="module")
def test_a_page_goes_to_threads_only_a_few_times(stack: Stack) -> None:
    # A plain startproject makes 16 trips. This project would make 19 if each hook of each middleware used a thread.
    assert int(stack.python(COUNT_TRIPS).split()[-1]) <= 10


@pytest.mark.parametrize("stack", WITH_ASGI, indirect=True, scope="module")
def test_async_views_run_and_stop_when_the_client_disconnects(stack: Stack) -> None:
    assert re.fullmatch(r"\d+ users", stack.site.ask("/unhurried/count/").body)
    assert stack.site.ask("/unhurried/stream/").body == "part 0\npart 1\npart 2\n"

    with stack.site.connect() as connection:
        connection.sendall(b"GET /unhurried/wait/ HTTP/1.1\r\nHost: example.com\r\nX-Forwarded-Proto: https\r\n\r\n")
        servers.wait_until(lambda: "It waits." in stack.site.log.read_text(), 30, "the view waits")
    servers.wait_until(lambda: "Nobody waits." in stack.site.log.read_text(), 30, "the view ends with its client")


def test_connections_to_the_database_do_not_pile_up(stack: Stack) -> None:
    # The session is looked up in the database, and does not exist.
    cookie = {"Cookie": f"__Host-sessionid={'x' * 32}"}
    with ThreadPoolExecutor(40) as clients:
        answers = list(clients.map(lambda number: stack.site.ask("/people/", headers=cookie).status, range(400)))
    assert set(answers) == {302}
    # Two workers. With WSGI, each of their four threads has a connection; with ASGI, each pool has at most ten.
    limit = 2 * (10 if stack.asgi else 4)
    assert stack.database is not None
    database = stack.database

    assert database.connections("site") > 0
    # A connection that has just closed may still be counted.
    servers.wait_until(lambda: database.connections("site") <= limit, 15, f"no more than {limit} connections are open")


@pytest.mark.parametrize("stack", WITH_CELERY, indirect=True, scope="module")
def test_clearing_the_cache_leaves_the_tasks(stack: Stack) -> None:
    stack.redis.ask("RPUSH", "some_tasks", "one")

    stack.python("from django.core.cache import cache; cache.set('a', 1); cache.clear(); assert cache.get('a') is None")

    assert stack.redis.ask("LLEN", "some_tasks") == "1"


@pytest.mark.parametrize("stack", WITH_CELERY, indirect=True, scope="module")
def test_a_worker_executes_the_task(stack: Stack) -> None:
    mail = stack.folder / "mail"
    variables = stack.variables | {"DJANGO_SETTINGS_MODULE": "mail_in_files"}
    (stack.project / "mail_in_files.py").write_text(
        "from my_site.settings.production import *\n"
        "MAILERS = {'default': {'BACKEND': 'django.core.mail.backends.filebased.EmailBackend',"
        f" 'OPTIONS': {{'file_path': {str(mail)!r}}}}}}}\n"
    )
    command: Command = [
        stack.programs / "celery",
        "--app",
        "my_site",
        "worker",
        "--loglevel",
        "INFO",
        "--concurrency",
        "2",
    ]
    with running(command, stack.project, variables, stack.folder / "worker.log"):
        stack.python(
            "from my_site.logs import request_id; request_id.set('the-request-of-bo');"
            "from people.models import Person; Person.objects.create(name='Bo', age=1, email='bo@example.com')"
        )
        servers.wait_until(
            lambda: any("bo@example.com" in path.read_text() for path in mail.glob("*.log")), 30, "the mail is sent"
        )

    log = (stack.folder / "worker.log").read_text()
    assert "Traceback" not in log
    (done,) = [line for line in log.splitlines() if "send_welcome_mail" in line and "succeeded" in line]
    assert json.loads(done)["request_id"] == "the-request-of-bo"


def test_the_site_is_ready_only_while_its_database_is(stack: Stack) -> None:
    assert stack.database is not None
    stack.database.stop()
    try:
        gone = stack.site.ask("/readyz")
        assert (gone.status, gone.body) == (503, "database unavailable\n")
        assert stack.site.ask("/livez").status == 200
    finally:
        stack.database.start()

    servers.wait_until(lambda: stack.site.ask("/readyz").status == 200, 30, "the site is ready again")
    assert stack.site.ask("/").status == 200
