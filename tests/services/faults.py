"""Break the services of a generated project, and record the responses that visitors get."""

import os
import select
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from threading import Event

import pytest

from ..harness.servers import Redis, wait_until
from .serving import Answer, Site, add_urls

CAN_MOUNT = os.geteuid() == 0  # always true in CI, where skipped tests fail
SMALL_DISKS = pytest.mark.skipif(not CAN_MOUNT, reason="only root can mount a small disk")

# Pages of a team's own code. The first holds a database connection for a second, and records that in a file. The
# others name the process and release, need the database, are large, or read their whole request.
VIEWS = """\
import os
from pathlib import Path

from django.contrib.auth.decorators import login_not_required
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

RELEASE = ""


@login_not_required
def slow(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        with Path(__file__).with_name("busy").open("a") as busy:
            busy.write("busy\\n")
        cursor.execute("SELECT pg_sleep(%s)", [request.GET.get("seconds", 1)])
    return HttpResponse("done")


@login_not_required
def process(request):
    return HttpResponse(f"{os.getpid()} release {RELEASE}")


@login_not_required
def query(request):
    return HttpResponse(ContentType.objects.count())


@login_not_required
def large(request):
    return HttpResponse(b"0" * 8 * 2**20)


@csrf_exempt
@login_not_required
def take(request):
    return HttpResponse(len(request.body))


urlpatterns = [path(f"{view.__name__}/", view) for view in (large, process, query, slow, take)]
"""


def add_views(project: Path) -> None:
    """Add the pages above to a project."""
    add_urls(project, "faults", VIEWS)


@dataclass(frozen=True)
class Attempt:
    """A request: its start, its duration in seconds, and its status, which is None if the connection broke."""

    begun: float
    seconds: float
    status: int | None


def timed(ask: Callable[[], Answer]) -> Attempt:
    """Send a request, and record the result."""
    begun, status = time.monotonic(), None
    with suppress(OSError, HTTPException):
        status = ask().status
    return Attempt(begun, time.monotonic() - begun, status)


def attempt(site: Site, path: str) -> Attempt:
    """Request a path, and record the result."""
    return timed(lambda: site.ask(path))


@contextmanager
def load(site: Site, paths: Sequence[str], clients: int = 8) -> Iterator[list[Attempt]]:
    """Let clients request paths almost without pause while the block runs. Yields the results."""
    attempts: list[Attempt] = []
    over = Event()

    def ask(client: int) -> None:
        number = client
        while not over.wait(0.01):
            made = attempt(site, paths[number % len(paths)])
            attempts.append(made)
            number += 1
            if made.status is None:
                time.sleep(0.05)

    with ThreadPoolExecutor(clients) as pool:
        asking = [pool.submit(ask, client) for client in range(clients)]
        try:
            yield attempts
        finally:
            over.set()
        for future in asking:
            future.result()


def processes(site: Site, number: int = 2) -> set[int]:
    """Return the ids of the worker processes, once that many have responded."""
    found: set[int] = set()

    def ask() -> bool:
        found.add(int(site.ask("/faults/process/").body.split()[0]))
        return len(found) >= number

    wait_until(ask, 60, f"{number} processes answer")
    return found


def send(site: Site, request: bytes) -> socket.socket:
    """Send a request, or its beginning, and return the connection."""
    connection = socket.create_connection(("127.0.0.1", site.port), timeout=60)
    connection.sendall(request)
    return connection


def get(path: str, *, keep: bool = False) -> bytes:
    """Return a request as the proxy sends it. keep: whether to keep the connection open."""
    return head("GET", path, {"Connection": "keep-alive"} if keep else {})


def head(method: str, path: str, headers: Mapping[str, str]) -> bytes:
    """Return the head of a request, as the proxy sends it."""
    sent = {"Host": "example.com", "X-Forwarded-Proto": "https", "Connection": "close"} | dict(headers)
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in sent.items()), "", ""]
    return "\r\n".join(lines).encode()


def send_pieces(site: Site, pieces: Iterable[bytes]) -> int | None:
    """Send a request in pieces, until the server refuses one, and return the status of the response."""
    connection = send(site, b"")
    with suppress(ConnectionError):
        for piece in pieces:
            connection.sendall(piece)
    return status(connection)


def accepted(site: Site) -> int:
    """Return the number of open connections that the server has accepted."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    # Each line has the local address, the state "established", and an inode once a process has accepted the connection.
    return sum(
        local.endswith(f":{site.port:04X}") and state == "01" and inode != "0"
        for _, local, _, state, *_, inode in (row[:10] for row in rows)
    )


def read_answer(connection: socket.socket) -> None:
    """Read the response of a probe on a connection that stays open."""
    received = b""
    while not received.endswith((b"\r\n\r\nok\n", b"\r\n0\r\n\r\n")):  # in one piece, or in chunks
        part = connection.recv(65536)
        assert part, received
        received += part


def status(connection: socket.socket) -> int | None:
    """Return the status of the response on a connection, or None if it closes without one."""
    received = b""
    with connection, suppress(ConnectionError):
        while part := connection.recv(65536):
            received += part
    return int(received.split()[1]) if received.startswith(b"HTTP/1.1 ") else None


def is_answered(connection: socket.socket) -> bool:
    """Return whether a part of the response has arrived."""
    return bool(select.select([connection], [], [], 0)[0])


def children(process: int) -> set[int]:
    """Return the ids of the child processes of a process."""
    return set(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))


def is_gone(process: int) -> bool:
    """Return whether a process has ended, even if its parent has not noticed yet."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return True
    return state in "XZ"


def kill(process: int) -> float:
    """Kill a process with SIGKILL, wait until it is gone, and return the time."""
    os.kill(process, 9)
    wait_until(lambda: is_gone(process), 30, "a killed process is gone")
    return time.monotonic()


def forget_most_memory(process: int) -> None:
    """Reset the peak memory of a process to its current memory."""
    Path(f"/proc/{process}/clear_refs").write_text("5")


def most_memory(process: int) -> int:
    """Return the peak memory of a process, in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def seconds_until(happens: Callable[[], bool], at_most: float, what: str) -> float:
    """Wait until `happens` returns true; return the seconds. Raises AssertionError, naming `what`, after `at_most`."""
    begun = time.monotonic()
    wait_until(happens, at_most, what)
    return time.monotonic() - begun


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of that many megabytes on a folder while the block runs."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def fill(disk: Path) -> Path:
    """Fill a disk with a file, and return the file."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler


@contextmanager
def on_a_small_disk(redis: Redis) -> Iterator[None]:
    """Restart Redis with empty data on a small disk while the block runs, if one can be mounted."""
    if not CAN_MOUNT:
        yield
        return
    redis.stop()
    with small_disk(redis.folder, 16):
        redis.start()
        yield
        redis.stop()
