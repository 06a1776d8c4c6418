"""A stop or a reload of the production servers loses no request, and they recover from faults."""

import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ..harness.commands import Command, run
from ..harness.servers import wait_until
from . import faults
from .serving import Site, Stack, in_production, serving

pytestmark = pytest.mark.slow

STACKS = [pytest.param(name, marks=pytest.mark.xdist_group(f"faults-{name}")) for name in ("wsgi", "asgi")]


@pytest.fixture(scope="module", params=STACKS)
def stack(
    request: pytest.FixtureRequest, template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp(request.param)
    with in_production(template, environments, folder, {"server": request.param}, prepare=faults.add_views) as stack:
        yield stack


@pytest.fixture
def site(stack: Stack, tmp_path: Path) -> Iterator[Site]:
    """A new web server for each test, because the test breaks it."""
    with serving(stack.project, stack.programs, stack.server, stack.variables, tmp_path / "web.log") as site:
        yield site


@pytest.fixture(scope="module")
def limited(stack: Stack) -> Iterator[Site]:
    """A web server that the tests share, because it refuses their requests and stays unchanged."""
    with serving(stack.project, stack.programs, stack.server, stack.variables, stack.folder / "limited.log") as site:
        for page in 3 * ["/login/", "/api/token/"]:
            site.ask(page)
        yield site


def test_sigterm_stops_the_server_after_the_requests_in_flight(stack: Stack, site: Site) -> None:
    # As many as it serves at once: one per thread with WSGI, one per connection of the pool with ASGI.
    slots = 2 * (10 if stack.asgi else 4)
    busy = stack.project / "busy"
    busy.unlink(missing_ok=True)
    sent = [faults.send(site, faults.get("/faults/slow/")) for _ in range(3 * slots)]
    wait_until(lambda: busy.exists() and len(busy.read_text().splitlines()) >= slots, 30, "every worker is busy")

    site.process.send_signal(signal.SIGTERM)

    assert [faults.status(connection) for connection in sent] == [200] * len(sent)
    assert site.process.wait(60) == 0


def test_a_stopping_server_answers_requests_that_are_still_arriving(stack: Stack, site: Site) -> None:
    connections = [faults.send(site, b"") for _ in range(4)]
    # A proxy keeps these open: it can send the request again on another connection.
    for connection in connections[:2]:
        connection.sendall(faults.get("/livez", keep=True))
        faults.read_answer(connection)
    wait_until(lambda: faults.accepted(site) >= len(connections), 30, "the server has the connections")

    site.process.send_signal(signal.SIGTERM)
    wait_until(lambda: "Handling signal: term" in site.log.read_text(), 30, "the server stops")
    for connection in connections:
        connection.sendall(faults.get("/faults/slow/"))

    assert [faults.status(connection) for connection in connections] == [200] * len(connections)
    assert site.process.wait(60) == 0


@pytest.mark.parametrize("path", ["/livez", "/faults/process/"])
def test_requests_that_are_sent_in_one_go_are_answered(site: Site, path: str) -> None:
    """The server reads the beginning of the second request together with the unused body of the first one."""
    body = {"Connection": "keep-alive", "Content-Length": "5"}
    both = faults.head("GET", path, body) + b"12345" + faults.get(path)

    for _ in range(4):
        assert site.send(both).count(b"HTTP/1.1 200 ") == 2


def test_sighup_brings_new_code_without_an_error(stack: Stack, site: Site) -> None:
    code = stack.project / "faults.py"
    with faults.load(site, ["/faults/process/", "/faults/query/", "/faults/slow/"], clients=4) as attempts:
        for release in (
            "a",
            "bb",
            "ccc",
            "dddd",
        ):  # different lengths: Python notices a change only by a file's size and second
            whole = code.with_suffix(".new")  # a starting process must not read half of it
            whole.write_text(re.sub('RELEASE = ".*"', f'RELEASE = "{release}"', code.read_text()))
            whole.replace(code)
            old = faults.processes(site)
            site.process.send_signal(signal.SIGHUP)

            def is_new(release: str = release, old: set[int] = old) -> bool:
                answers = [site.ask("/faults/process/").body.split() for _ in range(20)]
                return all(int(answer[0]) not in old and answer[-1] == release for answer in answers)

            wait_until(is_new, 60, "every process has the new code")

    assert len(attempts) > 20
    assert {attempt.status for attempt in attempts} == {200}


def test_workers_are_renewed_without_an_error(stack: Stack, tmp_path: Path) -> None:
    paths = ["/faults/process/", "/faults/query/", "/faults/slow/"]
    options = ["--max-requests=50", "--max-requests-jitter=10"]
    with (
        serving(
            stack.project, stack.programs, stack.server, stack.variables, tmp_path / "web.log", options=options
        ) as site,
        faults.load(site, paths, clients=4) as attempts,
    ):
        faults.processes(site, number=6)

    assert len(attempts) > 100
    assert {attempt.status for attempt in attempts} == {200}


def test_a_killed_worker_loses_only_the_requests_in_flight(site: Site) -> None:
    with faults.load(site, ["/faults/process/", "/faults/slow/"]) as attempts:
        for _ in range(3):
            before = len(attempts)
            victim = min(faults.processes(site))
            killed = faults.kill(victim)
            faults.seconds_until(
                lambda: faults.attempt(site, "/faults/process/").status == 200, 5, "the server answers again"
            )
            # Wait for the process that replaces it.
            faults.processes(site)
            time.sleep(1)
            lost = [attempt for attempt in attempts[before:] if attempt.status != 200]
            assert [attempt for attempt in lost if attempt.begun > killed] == []


def test_after_a_restart_of_the_database_no_request_fails(stack: Stack, site: Site) -> None:
    assert stack.database is not None
    with faults.load(site, ["/faults/query/", "/readyz"]) as attempts:
        time.sleep(1)
        stack.database.stop()
        # Long enough to see if ASGI's pool waits longer and longer between attempts.
        time.sleep(20 if stack.asgi else 5)
        stack.database.start()
        ready = time.monotonic()
        time.sleep(8)
        count = stack.database.connections("site")

    during = [attempt.status for attempt in attempts if attempt.begun < ready]
    after = [attempt for attempt in attempts if attempt.begun > ready]
    assert {500, 503} & set(during)
    assert len(after) > 20
    assert [attempt for attempt in after if attempt.status != 200] == []
    # Two workers, with a connection in each of their four threads, or ten in each pool, and those of two probes.
    assert count <= 2 * (2 + (10 if stack.asgi else 4))


@pytest.mark.parametrize("during", [0, 1], ids=["quiet", "one request"])
def test_after_a_restart_of_the_database_dead_connections_fail_no_request(
    stack: Stack, site: Site, during: int
) -> None:
    """Nobody drains the pool during the outage, so that all its connections are dead afterwards."""
    assert stack.database is not None
    busy = [faults.send(site, faults.get("/faults/slow/")) for _ in range(40)]
    assert {faults.status(connection) for connection in busy} == {200}
    stack.database.stop()
    for _ in range(during):
        assert site.ask("/faults/query/").status == 500
    time.sleep(5)
    stack.database.start()

    # One at a time, and then many at once.
    first = [site.ask("/faults/query/").status for _ in range(4)]
    sent = [faults.send(site, faults.get("/faults/query/")) for _ in range(40)]

    assert first == [200] * len(first)
    assert [faults.status(connection) for connection in sent] == [200] * len(sent)


def test_probes_answer_while_every_request_waits_for_a_lock(stack: Stack, site: Site) -> None:
    assert stack.database is not None
    with stack.database.locked("site", "django_content_type"):
        # More than the site serves at once: four threads in each of two workers, or ten connections in each pool.
        waiting = [faults.send(site, faults.get("/faults/query/")) for _ in range(30)]
        time.sleep(1)
        for path in ("/livez", "/readyz"):
            for _ in range(8):  # each of the two workers accepts some
                assert site.ask(path).status == 200
        assert [connection for connection in waiting if faults.is_answered(connection)] == []
    assert [faults.status(connection) for connection in waiting] == [200] * len(waiting)


def test_probes_answer_while_the_database_is_silent(stack: Stack, site: Site) -> None:
    assert stack.database is not None
    busy = [faults.send(site, faults.get("/faults/slow/")) for _ in range(40)]
    assert {faults.status(connection) for connection in busy} == {200}
    with stack.database.paused():
        waiting = [faults.send(site, faults.get("/faults/query/")) for _ in range(30)]
        time.sleep(1)
        for _ in range(8):
            assert site.ask("/livez").status == 200
        assert faults.timed(lambda: site.ask("/readyz")).status == 503
    assert {faults.status(connection) for connection in waiting} <= {200, 500}
    wait_until(lambda: site.ask("/readyz").status == 200, 30, "the site is ready again")
    assert site.ask("/faults/query/").status == 200


def test_web_requests_have_a_statement_timeout_and_commands_do_not(stack: Stack, tmp_path: Path) -> None:
    variables = stack.variables | {"DATABASE_STATEMENT_TIMEOUT": "1"}
    with serving(stack.project, stack.programs, stack.server, variables, tmp_path / "web.log", workers=1) as site:
        assert site.ask("/faults/slow/?seconds=20").status == 500
        assert site.ask("/faults/slow/?seconds=0").status == 200
    query = "from django.db import connection\nconnection.cursor().execute('SELECT pg_sleep(2)')"
    command: Command = [stack.programs / "python", "manage.py", "shell", "--no-imports", "--command", query]
    run(command, stack.project, variables)


def test_migrations_at_the_same_time_wait_for_each_other(stack: Stack) -> None:
    assert stack.database is not None
    variables = stack.variables | {"DATABASE_URL": stack.database.create_database("new")}
    command: Command = [stack.programs / "python", "manage.py", "migrate"]

    with ThreadPoolExecutor() as pool:
        outputs = list(pool.map(lambda _: run(command, stack.project, variables), range(3)))

    # Without its table, each of them names the cache, too.
    assert sum("Applying sessions.0001_initial... OK" in output for output in outputs) == 1
    assert sum("No migrations to apply." in output for output in outputs) == 2
    assert all("Run manage.py createcachetable." in output for output in outputs)


def test_a_migration_does_not_wait_long_for_a_table_in_use(stack: Stack) -> None:
    assert stack.database is not None
    variables = stack.variables | {"DATABASE_LOCK_TIMEOUT": "1"}
    migrate: Command = [stack.programs / "python", "manage.py", "migrate", "sessions"]
    run([*migrate, "zero"], stack.project, variables)
    with stack.database.locked("site", "django_migrations"):
        refused = run(migrate, stack.project, variables, fails=True)
    run(migrate, stack.project, variables)

    assert "CommandError: A table was in use for 1 s (DATABASE_LOCK_TIMEOUT)." in refused


MIB = 1024 * 1024
JSON = {"Content-Type": "application/json"}
BROWSER = {"Cookie": "__Host-csrftoken=" + 32 * "a", "Origin": "https://example.com"}
FORM = BROWSER | {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = BROWSER | {"Content-Type": "multipart/form-data; boundary=x"}


def part(name: str, value: bytes, file: str = "") -> bytes:
    """Return one part of a multipart form."""
    filename = f'; filename="{file}"' if file else ""
    return f'--x\r\nContent-Disposition: form-data; name="{name}"{filename}\r\n\r\n'.encode() + value + b"\r\n"


def body(path: str, headers: dict[str, str], content: bytes, times: int, *, chunked: bool = False) -> Iterator[bytes]:
    """Yield the pieces of a request whose body repeats some content."""
    length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(content) * times)}
    yield faults.head("POST", path, headers | length)
    for _ in range(times):
        yield b"%x\r\n%b\r\n" % (len(content), content) if chunked else content
    if chunked:
        yield b"0\r\n\r\n"


def heads(line: bytes, times: int) -> Iterator[bytes]:
    """Yield the pieces of a request whose head repeats some content."""
    yield faults.head("GET", "/", {})[:-2]
    for _ in range(times):
        yield line
    yield b"\r\n\r\n"


TOO_MUCH = {
    "JSON": lambda: body("/api/token/", JSON, b"[" * MIB, 200),
    "JSON in chunks": lambda: body("/api/token/", JSON, b"[" * MIB, 200, chunked=True),
    "form": lambda: body("/login/", FORM, b"a" * MIB, 200),
    "field": lambda: body("/login/", PARTS, part("a", b"a" * 200 * MIB), 1),
    "fields": lambda: body("/login/", FORM, b"a=1&", 2000),
    "parts": lambda: body("/login/", PARTS, part("a", b"1"), 2000),
    "files": lambda: body("/login/", PARTS, part("a", b"1", file="a"), 500),
    "names in the query": lambda: iter([faults.head("GET", "/login/?" + "a&" * 2000, {})]),
    "path": lambda: iter([faults.head("GET", "/" + "a" * MIB, {})]),
    "header": lambda: heads(b"X-Long: " + b"a" * MIB, 1),
    "endless header": lambda: heads(b"a" * MIB, 200),
    "headers": lambda: heads(b"X: " + b"y" * 100 + b"\r\n", 10_000),
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_oversized_requests_are_refused(limited: Site, what: str) -> None:
    workers = faults.processes(limited)
    for worker in workers:
        faults.forget_most_memory(worker)
    before = {worker: faults.most_memory(worker) for worker in workers}

    answer = faults.send_pieces(limited, TOO_MUCH[what]())

    # For a long head, servers respond with 414 or 431 instead of 400.
    assert answer in (400, 413, 414, 431)
    assert faults.processes(limited) == workers
    assert max(faults.most_memory(worker) - before[worker] for worker in workers) < 50 * MIB
