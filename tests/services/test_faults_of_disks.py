"""While a disk is full, only writes fail. Everything works again when there is room."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..harness import servers
from ..harness.servers import wait_until
from . import faults
from .serving import Answer, Stack, add_urls, in_production

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("faults-disks"),
    faults.SMALL_DISKS,
]

# One page writes a short and a long row in one transaction, another one lists the rows.
VIEWS = """\
from secrets import token_hex
from uuid import uuid4

from django.contrib.auth.decorators import login_not_required
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.utils import timezone


@login_not_required
def write(request):
    name = uuid4().hex[:30]
    with transaction.atomic():
        for half, size in {"a": 1, "b": 2**17}.items():
            Session.objects.create(
                session_key=half + name, session_data=token_hex(size), expire_date=timezone.now()
            )
    return HttpResponse(name)


@login_not_required
def read(request):
    keys = Session.objects.values_list("session_key", flat=True)
    return JsonResponse({half: sorted(key[1:] for key in keys if key[0] == half) for half in "ab"})


urlpatterns = [path("write/", write), path("read/", read)]
"""


def prepare(project: Path) -> None:
    """Add the pages above to a project."""
    add_urls(project, "disk", VIEWS)


@dataclass
class Filled:
    """A site with its database on a small disk."""

    stack: Stack
    disk: Path

    def fill(self) -> None:
        """Fill the disk, but leave room for a short row."""
        filler = faults.fill(self.disk)
        os.truncate(filler, filler.stat().st_size - 2**16)

    def make_room(self) -> None:
        (self.disk / "filler").unlink()
        database = self.stack.database
        if database and database.process.poll() is not None:
            database.start()  # it stops when it cannot write its log; operators start it again

    def write(self) -> Answer:
        return self.stack.site.ask("/disk/write/")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(
    request: pytest.FixtureRequest, template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Filled]:
    folder = tmp_path_factory.mktemp(request.param)
    with faults.small_disk(folder / "disk", 32) as disk:
        variables = {"DATABASE_URL": f"sqlite:///{disk}/site.sqlite3"} if request.param == "sqlite" else {}
        answers = {"database": request.param}
        with in_production(template, environments, folder, answers, prepare=prepare, variables=variables) as stack:
            if stack.database is None:
                yield Filled(stack, disk)
            else:
                with moved(stack.database) as data:
                    yield Filled(stack, data)


@contextmanager
def moved(database: servers.Postgres) -> Iterator[Path]:
    """Keep the data of a PostgreSQL server on a small disk while the block runs."""
    database.stop()
    elsewhere = database.data.with_name("elsewhere")
    database.data.rename(elsewhere)
    with faults.small_disk(database.data, 128) as data:
        shutil.copytree(elsewhere, data, dirs_exist_ok=True)
        for path in [data, *data.rglob("*")]:
            if database.user:
                shutil.chown(path, database.user)
        data.chmod(0o700)
        database.start()
        try:
            yield data
        finally:
            if database.process.poll() is None:
                database.stop()


def test_a_full_disk_costs_only_failed_writes(filled: Filled) -> None:
    site = filled.stack.site
    wait_until(lambda: site.ask("/disk/read/").status == 200, 30, "the site has its database")
    kept = [filled.write().body for _ in range(3)]

    filled.fill()
    refused = []
    for _ in range(300):
        answer = filled.write()
        if answer.status == 200:
            kept.append(answer.body)
        else:
            refused.append(answer)
        if len(refused) == 5:
            break

    assert len(refused) == 5, "the disk is not full"
    for answer in refused:
        assert answer.status == 500
        assert "<h1>Something went wrong" in answer.body
        assert "Traceback" not in answer.body
        assert "disk" not in answer.body
    assert site.ask("/livez").status == 200

    filled.make_room()
    wait_until(lambda: site.ask("/readyz").status == 200, 60, "the site is ready again")
    written = filled.write()
    assert written.status == 200
    kept.append(written.body)
    halves = json.loads(site.ask("/disk/read/").body)
    assert halves["a"] == halves["b"] == sorted(kept)
    # VACUUM FULL reads and writes every row and index.
    check = "PRAGMA integrity_check" if filled.stack.database is None else "VACUUM FULL"
    code = f"from django.db import connection as c; cursor = c.cursor(); cursor.execute({check!r}); "
    found = filled.stack.python(code + "print('found', cursor.fetchall() if cursor.description else 'ok')")
    assert found.strip() in ("found [('ok',)]", "found ok")
