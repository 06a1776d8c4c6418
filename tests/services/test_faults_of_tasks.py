"""No fault loses a task, and pages work without Redis."""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ..harness import projects
from ..harness.commands import Command
from ..harness.servers import Redis, wait_until
from . import faults
from .serving import PASSWORD, STORE_TOKEN, Answer, Stack, in_production, running

pytestmark = pytest.mark.slow

# A slow task. It records its process and its beginning in a file, then its end; twice if it runs twice.
TASK = """

@shared_task
def work(number: int, seconds: float) -> None:
    import os, time
    from pathlib import Path

    def note(what):
        with Path(__file__).with_name("work.log").open("a") as log:
            log.write(f"{what} {number} {os.getpid()}\\n")

    note("begun")
    time.sleep(seconds)
    note("done")

@shared_task(bind=True)
def fail_first(self, number: int) -> None:
    if not self.request.retries:
        raise self.retry(countdown=5)
    work(number, 0)
"""

# Each task waits or runs for longer than the visibility timeout of the settings BRIEF.
LATE = """
from datetime import timedelta
from celery import chain, group
from django.utils.timezone import now
from core.tasks import fail_first, work

work.apply_async((0, 0), countdown=5)
work.apply_async((1, 0), eta=now() + timedelta(seconds=5))
work.apply_async((2, 0), countdown=5, expires=60)
group(work.si(3, 0), work.si(4, 0)).apply_async(countdown=5)
chain(work.si(5, 0), work.si(6, 0).set(countdown=5)).apply_async()
fail_first.delay(7)
work.apply_async((8, 5), countdown=1)
"""
BRIEF = """
from .production import *

CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 2, "unacked_restore_interval": 1}
"""

STACKS = [pytest.param(name, marks=pytest.mark.xdist_group(f"faults-{name}-celery")) for name in ("wsgi", "asgi")]
ONE_STACK = pytest.mark.parametrize("stack", STACKS[:1], indirect=True, scope="module")


@pytest.fixture(scope="module", params=STACKS)
def stack(
    request: pytest.FixtureRequest, template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp(request.param)
    answers = {"server": request.param, "use_celery": True}
    # Both kinds of accounts. Only allauth keeps its limits in the cache.
    verify = ""
    if request.param == "asgi":
        answers["accounts"] = "allauth"
        verify = "ada.emailaddress_set.create(email=ada.email, verified=True, primary=True);"
    with in_production(template, environments, folder, answers, prepare=add_task) as stack:
        stack.python(
            f"{STORE_TOKEN}from django.contrib.auth import get_user_model as user\n"
            f"ada = user().objects.create_superuser('ada@example.com', '{PASSWORD}');"
            f"{verify} store_token(ada, '0123456789abcdef')"
        )
        with faults.on_a_small_disk(stack.redis):
            yield stack


def add_task(project: Path) -> None:
    """Add the task. The tasks of a lost worker return to the queue after seconds instead of 15 minutes."""
    tasks = project / "core" / "tasks.py"
    tasks.write_text(tasks.read_text() + TASK)
    projects.replace(project / "my_site", '"visibility_timeout": 900', '"visibility_timeout": 10')
    (project / "my_site" / "settings" / "brief.py").write_text(BRIEF)


class Work:
    """The tasks that were sent, and their results."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.log = stack.project / "core" / "work.log"
        self.log.unlink(missing_ok=True)
        self.asked = 0

    def ask(self, number: int, seconds: float) -> None:
        """Send tasks, each of so many seconds."""
        numbers = range(self.asked, self.asked + number)
        self.stack.python(f"from core.tasks import work\nfor number in {list(numbers)}: work.delay(number, {seconds})")
        self.asked += number

    def lines(self, what: str) -> list[list[str]]:
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.split() for line in lines if line.startswith(what)]

    def wait_for(self, what: str, number: int) -> None:
        wait_until(lambda: len(self.lines(what)) >= number, 90, f"{number} tasks are {what}")

    def processes(self) -> list[int]:
        """Return the processes that started tasks."""
        return [int(process) for _, _, process in self.lines("begun")]

    def effects(self) -> dict[str, int]:
        """Return how often each task ran, once all have run and no message is left."""
        wait_until(lambda: len({number for _, number, _ in self.lines("done")}) == self.asked, 120, "all work is done")
        redis = self.stack.redis
        wait_until(lambda: redis.ask("LLEN", "celery") == redis.ask("HLEN", "unacked") == "0", 60, "no task is left")
        return Counter(number for _, number, _ in self.lines("done"))


@pytest.fixture
def work(stack: Stack) -> Work:
    return Work(stack)


@contextmanager
def worker(stack: Stack, log: Path, *, code: int = 0, settings: str = "production") -> Iterator[int]:
    """Run a worker with two processes. Yields its main process. code: the expected exit code."""
    program = stack.programs / "celery"
    command: Command = [program, "--app", "my_site", "worker", "--loglevel", "INFO", "--concurrency", "2"]
    variables = stack.variables | {"DJANGO_SETTINGS_MODULE": f"my_site.settings.{settings}"}
    with running(command, stack.project, variables, log, code=code) as process:
        wait_until(lambda: " ready." in log.read_text(), 60, "the worker is ready")
        yield process.pid


def once(work: Work) -> dict[str, int]:
    return {str(number): 1 for number in range(work.asked)}


@ONE_STACK
def test_a_killed_process_of_a_worker_loses_no_task(stack: Stack, work: Work, tmp_path: Path) -> None:
    with worker(stack, tmp_path / "worker.log"):
        work.ask(6, seconds=2)
        work.wait_for("begun", 2)
        faults.kill(work.processes()[0])

        assert work.effects() == once(work)


@ONE_STACK
def test_a_killed_worker_loses_no_task(stack: Stack, work: Work, tmp_path: Path) -> None:
    with worker(stack, tmp_path / "worker.log", code=-signal.SIGKILL) as main:
        work.ask(6, seconds=2)
        work.wait_for("begun", 2)
        os.kill(main, signal.SIGSTOP)  # it would replace its processes
        for process in [*work.processes(), main]:
            faults.kill(process)
    assert work.lines("done") == []

    with worker(stack, tmp_path / "next.log"):
        assert work.effects() == once(work)


@ONE_STACK
def test_a_stopped_worker_finishes_its_tasks(stack: Stack, work: Work, tmp_path: Path) -> None:
    with worker(stack, tmp_path / "worker.log") as main:
        work.ask(6, seconds=3)
        work.wait_for("begun", 2)
        os.kill(main, signal.SIGTERM)
        wait_until(lambda: faults.is_gone(main), 60, "the worker ends")
    assert len(work.lines("begun")) == len(work.lines("done")) == 2

    with worker(stack, tmp_path / "next.log"):
        assert work.effects() == once(work)


@ONE_STACK
def test_a_task_that_waits_or_runs_beyond_the_visibility_timeout_runs_once(
    stack: Stack, work: Work, tmp_path: Path
) -> None:
    with worker(stack, tmp_path / "worker.log", settings="brief"), worker(stack, tmp_path / "2.log", settings="brief"):
        stack.python(LATE)
        work.asked = 9

        assert work.effects() == once(work)


@ONE_STACK
def test_a_killed_worker_loses_no_task_that_waits(stack: Stack, work: Work, tmp_path: Path) -> None:
    with worker(stack, tmp_path / "worker.log", code=-signal.SIGKILL, settings="brief") as main:
        stack.python(LATE)
        work.asked = 9
        wait_until(lambda: int(stack.redis.ask("HLEN", "unacked") or 0) >= 7, 60, "the worker has the tasks")
        children = faults.children(main)
        os.kill(main, signal.SIGSTOP)  # it would replace its processes
        for process in [*children, main]:
            faults.kill(process)

    with worker(stack, tmp_path / "next.log", settings="brief"):
        assert set(work.effects()) == set(once(work))


# The fields of both logins: Django's has username, allauth's has login.
LOGIN = {"username": "ada@example.com", "login": "ada@example.com", "password": PASSWORD}


def pages(stack: Stack, name: str) -> dict[str, faults.Attempt]:
    """Request pages of each kind: with and without the database, with throttles, with a task to send."""
    token = {"Authorization": "Token 0123456789abcdef"}
    asked: dict[str, Callable[[], Answer]] = {
        "home": lambda: stack.site.ask("/"),
        "login": lambda: stack.site.ask("/login/"),
        "logs in": lambda: stack.site.post_form("/login/", LOGIN),
        "list": lambda: stack.site.ask("/api/people/", headers=token),
        "new": lambda: stack.site.post_json(
            "/api/people/", {"name": name, "age": 1, "email": f"{name}@example.com"}, token
        ),
    }
    return {page: faults.timed(ask) for page, ask in asked.items()}


@contextmanager
def without(redis: Redis, fault: str) -> Iterator[None]:
    """Make Redis unreachable while the block runs, or its disk full."""

    def fill() -> None:
        faults.fill(redis.folder)
        wait_until(lambda: redis.ask("SET", "filler", 5000 * "x").startswith("MISCONF"), 30, "Redis refuses to write")

    begin, end = {
        "killed": (redis.kill, redis.start),
        "stopped": (redis.stop, redis.start),
        "black-holed": (redis.pause, redis.resume),
        "full": (fill, (redis.folder / "filler").unlink),
    }[fault]
    begin()
    try:
        yield
    finally:
        end()


FAULTS = ["killed", "stopped", "black-holed", pytest.param("full", marks=faults.SMALL_DISKS)]


@pytest.mark.parametrize("fault", FAULTS)
def test_pages_do_without_redis(stack: Stack, fault: str) -> None:
    with without(stack.redis, fault):
        answers = [pages(stack, f"{fault}-{number}") for number in range(3)]

    for answer in answers:
        statuses = {page: made.status for page, made in answer.items()}
        assert statuses == {"home": 200, "login": 200, "logs in": 302, "list": 200, "new": 201}
        assert {page: made.seconds for page, made in answer.items() if made.seconds > 3} == {}
    # The site could not send the task of each new person. The log names the task and the person.
    lost = [record["message"] for record in stack.site.records() if record["levelname"] == "ERROR"]
    people = stack.python(
        f"from people.models import Person\nprint(*Person.objects.filter(name__startswith='{fault}').values_list('pk'))"
    )
    for person in re.findall(r"\d+", people):
        assert [message for message in lost if "send_welcome_mail of my_site" in message and f" {person})" in message]


@ONE_STACK
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_redis_loses_no_task(stack: Stack, work: Work, tmp_path: Path, fault: str) -> None:
    with worker(stack, tmp_path / "worker.log"):
        work.ask(6, seconds=2)
        work.wait_for("begun", 2)
        with without(stack.redis, fault):
            time.sleep(5)
        # The web server's connections are broken, but it still sends a task.
        assert pages(stack, f"after-{fault}")["new"].status == 201
        wait_until(lambda: bool(stack.mailbox.texts_to(f"after-{fault}@example.com")), 90, "the mail arrives")

        assert set(work.effects()) == set(once(work))
