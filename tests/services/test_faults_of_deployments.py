"""Behind nginx and under Supervisor, a site comes back when its server is killed, and slow clients slow down nobody."""

import socket
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

pytestmark = pytest.mark.slow

STACKS = [pytest.param(name, marks=pytest.mark.xdist_group(f"faults-{name}-deployed")) for name in ("wsgi", "asgi")]


@pytest.fixture(scope="module", params=STACKS)
def deployment(
    request: pytest.FixtureRequest, template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp(f"{request.param}-deployed")
    answers = {"server": request.param}
    with deployed(template, environments, folder, answers, prepare=faults.add_views) as deployment:
        yield deployment


def test_a_server_that_is_killed_is_back_within_5_seconds(deployment: Deployment) -> None:
    site = deployment.site
    old = faults.processes(site)
    master = deployment.supervisor.pid("web")
    with (
        faults.load(site, ["/faults/process/", "/faults/query/"], clients=1) as attempts,
        ThreadPoolExecutor(1) as pool,
    ):
        # One that a worker would wait for, and hold the port meanwhile.
        pool.submit(faults.attempt, site, "/faults/slow/?seconds=20")
        time.sleep(1)
        killed = faults.kill(master)
        wait_until(lambda: deployment.supervisor.pid("web") not in (0, master), 60, "it is started again")
        wait_until(lambda: all(faults.is_gone(process) for process in old), 60, "what is left of the old one ends")
        time.sleep(max(0, killed + 8 - time.monotonic()))

    late = [attempt for attempt in attempts if attempt.begun > killed + 5]
    assert late
    assert [attempt for attempt in late if attempt.status != 200] == []
    assert not old & faults.processes(site)


@contextmanager
def slow_clients(deployment: Deployment, number: int) -> Iterator[None]:
    """Let clients, each from an address of its own, send heads and bodies and read pages byte by byte."""
    site = deployment.site
    body = faults.head("POST", "/login/", {"Content-Length": "100000"})
    beginnings = [faults.head("GET", "/login/", {})[:40], body, faults.get("/faults/large/")]
    connections: list[tuple[int, socket.socket]] = []
    over = Event()

    def dawdle() -> None:
        while not over.is_set():
            for kind, connection in connections:
                with suppress(OSError):
                    if kind == 2:
                        connection.recv(1)
                    else:
                        connection.send(b"a")
            over.wait(0.2)

    with ThreadPoolExecutor(1) as pool:
        try:
            for client in range(number):
                connection = site.connect()
                connections.append((client % 3, connection))
                connection.sendall(beginnings[client % 3])
                connection.settimeout(0.01)
            pool.submit(dawdle)
            yield
        finally:
            over.set()
            for _, connection in connections:
                connection.close()


def test_slow_clients_slow_down_nobody_else(deployment: Deployment) -> None:
    with slow_clients(deployment, 200), faults.load(deployment.site, ["/", "/faults/query/"], clients=2) as attempts:
        time.sleep(10)

    assert {attempt.status for attempt in attempts} == {200}
    assert len(attempts) > 20
    assert statistics.quantiles([attempt.seconds for attempt in attempts], n=20)[-1] < 1
