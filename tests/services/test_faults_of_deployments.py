"""Behind nginx and under Supervisor, a project survives a killed server and slow clients."""

import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event

import pytest

from ..harness.servers import wait_until
from . import faults
from .deploying import Deployment, deployed
from .serving import Site

pytestmark = pytest.mark.slow

STACKS = [pytest.param(name, marks=pytest.mark.xdist_group(f"faults-{name}-deployed")) for name in ("wsgi", "asgi")]

# How slow clients begin and continue a request. The last ones send nothing more: they read slowly.
HEADERS = b"Host: example.com\r\nConnection: close\r\n"
SLOW = [
    (80, b"GET / HTTP/1.1\r\n" + HEADERS, b"X: y\r\n"),
    (80, b"POST /faults/take/ HTTP/1.1\r\nContent-Length: 100000\r\n" + HEADERS + b"\r\n", b"x"),
    (40, b"GET /faults/large/ HTTP/1.1\r\n" + HEADERS + b"\r\n", b""),
]


@pytest.fixture(scope="module", params=STACKS)
def deployment(
    request: pytest.FixtureRequest, template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp(request.param)
    with deployed(template, environments, folder, {"server": request.param}, prepare=faults.add_views) as running:
        yield running


def workers(deployment: Deployment) -> set[int]:
    """Return the ids of the responding processes, without nginx in between."""
    return faults.processes(Site(deployment.port, deployment.site.log, deployment.site.process))


def test_a_killed_server_is_restarted(deployment: Deployment) -> None:
    old = workers(deployment)

    def is_new() -> bool:
        with suppress(OSError, ValueError, IndexError):
            return int(deployment.site.ask("/faults/process/").body.split()[0]) not in old
        return False

    # Until a new server responds, processes of the killed master may respond.
    with (
        faults.load(deployment.site, ["/faults/process/"], clients=2) as attempts,
        ThreadPoolExecutor(1) as pool,
    ):
        # A process that is busy with this request must not keep the port.
        pool.submit(faults.attempt, deployment.site, "/faults/slow/?seconds=20")
        time.sleep(1)
        killed = faults.kill(deployment.supervisor.pid("web"))
        wait_until(is_new, 60, "a process of another server answers")

    assert [attempt for attempt in attempts if attempt.status != 200 and attempt.begun > killed + 5] == []

    # One generation of processes is left, and Supervisor controls it.
    wait_until(lambda: all(map(faults.is_gone, old)), 40, "the old processes end")
    wait_until(lambda: deployment.supervisor.status()["web"] == "RUNNING", 60, "Supervisor runs the new server")
    new = workers(deployment)
    deployment.supervisor.ctl("signal", "HUP", "my_site-web")
    wait_until(lambda: all(map(faults.is_gone, new)), 60, "a reload replaces the new processes")
    assert not workers(deployment) & (old | new)


@contextmanager
def slow_clients(deployment: Deployment) -> Iterator[None]:
    """Run many clients with different addresses, each of which sends or reads a few bytes each second."""
    slow, over = set[int](), Event()

    def crawl(number: int, begin: bytes, go_on: bytes) -> None:
        while not over.is_set():
            # nginx closes connections that are too slow: the clients connect again.
            with suppress(OSError), deployment.site.connect() as connection:
                connection.sendall(begin)
                slow.add(number)
                while not over.wait(1):
                    if go_on:
                        connection.sendall(go_on)
                    else:
                        connection.recv(64)
            slow.discard(number)

    clients = [(begin, go_on) for number, begin, go_on in SLOW for _ in range(number)]
    with ThreadPoolExecutor(len(clients)) as pool:
        crawling = [pool.submit(crawl, number, *client) for number, client in enumerate(clients)]
        try:
            wait_until(lambda: len(slow) == len(clients), 60, "every slow client has begun")
            yield
            assert len(slow) > len(clients) / 2
        finally:
            over.set()
        for client in crawling:
            client.result()


def test_slow_clients_do_not_slow_others_down(deployment: Deployment) -> None:
    made = []
    with slow_clients(deployment):
        for path in ["/", "/faults/query/", "/login/"] * 50:
            made.append(faults.attempt(deployment.site, path))
            assert made[-1].status == 200

    assert statistics.quantiles([attempt.seconds for attempt in made], n=20)[-1] < 1
