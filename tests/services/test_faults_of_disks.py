"""A database whose disk is full costs what cannot be written, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ..harness.answers import values
from ..harness.servers import wait_until
from . import faults
from .serving import Stack, in_production

pytestmark = pytest.mark.slow

STACKS = [
    pytest.param(database, marks=pytest.mark.xdist_group(f"faults-{database}")) for database in values("database")
]


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest, template: Path, environments: Path, tmp_path: Path) -> Iterator[Stack]:
    disk = tmp_path / "disk"
    disk.mkdir()
    variables = {} if request.param == "postgresql" else {"DATABASE_URL": f"sqlite:///{disk / 'site.sqlite3'}"}
    answers = {"database": request.param}
    with in_production(
        template, environments, tmp_path, answers, prepare=faults.add_views, variables=variables
    ) as stack:
        yield stack


def test_a_full_disk_is_survived(stack: Stack, tmp_path: Path) -> None:
    database = stack.database
    disk = database.data if database else tmp_path / "disk"
    if database:
        database.stop()
    with faults.small_disk(disk, spare=40_000_000):
        if database:
            database.start()
        wait_until(lambda: stack.site.ask("/faults/query/").status == 200, 60, "the database is back")
        written = [stack.site.ask("/faults/write/").body for _ in range(3)]

        with faults.full(disk):
            answers = [stack.site.ask("/faults/write/") for _ in range(400)]
            pages = [stack.site.ask(path) for path in ("/", "/livez")]
        if database and database.process.poll() is not None:
            database.start()  # as what watches over it does
        wait_until(lambda: stack.site.ask("/faults/write/").status == 200, 60, "there is room again")

        written += [answer.body for answer in answers if answer.status == 200]
        refused = [answer for answer in answers if answer.status != 200]
        assert refused
        assert {answer.status for answer in refused} == {500}
        assert all("Something went wrong" in answer.body and "Traceback" not in answer.body for answer in refused)
        assert [page.status for page in pages] == [200, 200]
        found = stack.python(
            "from django.contrib.sessions.models import Session\n"
            "for session in Session.objects.all(): print(session.pk, len(session.session_data))"
        )
        assert [key for key in written if f"{key} 100000" not in found] == []
        if database:
            assert database.ask("CHECKPOINT; SELECT 1").endswith("1")
        else:
            check = (
                "from django.db import connection as c; print(c.cursor().execute('PRAGMA integrity_check').fetchall())"
            )
            assert "[('ok',)]" in stack.python(check)
        if database:
            database.stop()
