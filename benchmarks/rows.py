"""Measure what a million people cost the example, as ratios to what a thousand cost.

Usage: uv run python -m benchmarks.rows [ROUNDS] [rows=N] [imported=N] [database=sqlite|postgresql] [CLONE ...]

Renders a project from this working tree, or from the last commit of each CLONE, and measures them in turn. For
SQLite and PostgreSQL, it makes a database with 1,000 people and one with N (1,000,000 unless given), both with 200
clubs. It prints the CPU time and the wall time of each request, in ms, with few and with many rows: the medians of
ROUNDS rounds (3 unless given). The CPU time is that of the process and of its connection to PostgreSQL. Requests
call the project in process, with its settings for tests, which depend on no other service. It also prints the CPU
time for each person of import_people and export_people, and their memory above that of an idle command (the file
has 20,000 lines, unless imported= says another number).
"""

import csv
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.harness import projects, servers
from tests.harness.answers import REPOSITORY
from tests.harness.commands import Command, run

FEW, MANY = 1_000, 1_000_000
CLUBS = 200
DATABASES = ("sqlite", "postgresql")

FILL = """
import random, sys
from django.contrib.auth import get_user_model
from django.db import connection
from clubs.models import Club, Membership
from people.models import Person

rows, clubs = map(int, sys.argv[1:])
random.seed(1)
syllables = ["an", "be", "co", "da", "el", "fi", "go", "ha", "is", "jo", "ka", "lu", "mi", "no", "os", "pe", "ro", "su"]
names = ["".join(random.choices(syllables, k=4)).title() for _ in range(5000)]

def people():
    for number in range(rows):
        first, last = random.choice(names), random.choice(names)
        if number % (rows // 10) == 0:
            last = "Lovelace"  # ten people, however many there are
        elif number % 50 == 0:
            last = "Smith"
        yield f"{first} {last}", number % 100, f"{first}.{number}@{last}.example".lower()

with connection.cursor() as cursor:
    if connection.vendor == "postgresql":
        with cursor.copy("COPY people_person (name, age, email) FROM STDIN") as copy:
            for person in people():
                copy.write_row(person)
        cursor.execute("VACUUM ANALYZE")  # as autovacuum does
    else:
        cursor.execute("BEGIN")
        cursor.executemany("INSERT INTO people_person (name, age, email) VALUES (%s, %s, %s)", people())
        cursor.execute("COMMIT")
user = get_user_model()
owner = user(**{user.USERNAME_FIELD: "root@example.com"}, is_staff=True, is_superuser=True)
owner.save()
made = Club.objects.bulk_create(Club(name=f"Club {n}", kind="games", owner=owner) for n in range(clubs))
some = Person.objects.order_by("pk")[: clubs * 3]
Membership.objects.bulk_create(Membership(club=made[n % clubs], person=person) for n, person in enumerate(some))
"""

MEASURE = """
import json, logging, time
from importlib import import_module
from pathlib import Path
from urllib.parse import urlencode
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import connection
from django.test import Client
from people.models import Person

logging.disable()
settings.ALLOWED_HOSTS = ["*"]
client = Client()
client.force_login(get_user_model().objects.get())
backend = None
if connection.vendor == "postgresql":
    with connection.cursor() as cursor:
        cursor.execute("SET max_parallel_workers_per_gather = 0")  # all work in one process, which is measured
        cursor.execute("SELECT pg_backend_pid()")
        backend = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")

def cpu():
    return time.process_time() + (int(backend.read_text().split()[0]) / 1e9 if backend else 0)

def ask(path, query):
    cache.clear()  # and with it the throttles
    cpu_start, start = cpu(), time.perf_counter()
    response = client.get(path, query)
    taken = (cpu() - cpu_start) * 1000, (time.perf_counter() - start) * 1000
    assert response.status_code == 200, (path, query, response.status_code)
    return taken, response

first = client.get("/api/people/").json()
count = Person.objects.count()
if "count" in first:
    middle = {"page": count // 50 // 2}
    deep = {"page": count // 50}
    page = {"page": count // 20 // 2}
else:
    keyset = import_module("core.keyset")
    people = Person.objects.all()
    cursor = keyset.KeysetPage(people, 1).cursor_of(people[count // 2], backward=False)
    middle, deep, page = {"cursor": cursor}, {"cursor": "last"}, {"page": cursor}
admin = "/admin/people/person/"
requests = {
    "API, first page": ("/api/people/", {}),
    "API, middle page": ("/api/people/", middle),
    "API, last page": ("/api/people/", deep),
    "API, by age": ("/api/people/", {"ordering": "-age"}),
    "API, by email": ("/api/people/", {"ordering": "email"}),
    "people, first page": ("/people/", {}),
    "people, middle page": ("/people/", page),
    "people, last page": ("/people/", {"page": "last"}),
    "clubs": ("/clubs/", {}),
    "search, rare name": ("/people/", {"q": "lovelace"}),
    "search, common name": ("/people/", {"q": "smith"}),
    "search, word of email": ("/people/", {"q": "lovelace.example"}),
    "search, prefix": ("/people/", {"q": "lovel"}),
    "search, middle of a word": ("/people/", {"q": "velac"}),
    "search, nothing found": ("/people/", {"q": "qqqxyz"}),
    "admin, list": (admin, {}),
    "admin, search": (admin, {"q": "lovelace"}),
    "admin, search, nothing found": (admin, {"q": "qqqxyz"}),
}
results = {}
for name, (path, query) in requests.items():
    ask(path, query)
    results[name] = [ask(path, query)[0] for _ in range(3)]
print(json.dumps(results))
"""

START = """
import json, resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))
"""


@dataclass
class Side:
    """A project, and what each request took in each of its databases: (CPU, wall) in ms, by size."""

    project: Path
    programs: Path
    urls: dict[int, str] = field(default_factory=dict)
    taken: dict[str, dict[int, list[list[float]]]] = field(default_factory=dict)

    def variables(self, url: str) -> dict[str, str]:
        return {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "my_site.settings.test"}

    def python(self, code: str, url: str, *arguments: object) -> str:
        """Run code with the project's models, and return what it prints."""
        start = f"import django; django.setup()\n{code}"
        command: Command = [self.programs / "python", "-c", start, *map(str, arguments)]
        return run(command, self.project, self.variables(url))

    def migrate(self, url: str) -> None:
        run([self.programs / "python", "manage.py", "migrate"], self.project, self.variables(url))

    def measure(self) -> None:
        """Measure all requests once more."""
        for size, url in self.urls.items():
            for name, taken in json.loads(self.python(MEASURE, url).splitlines()[-1]).items():
                self.taken.setdefault(name, {}).setdefault(size, []).extend(taken)

    def command(self, url: str, *arguments: object) -> tuple[float, float]:
        """Run a management command, and return its CPU seconds and its memory in MB."""
        # A small process starts it, because a new process inherits the peak memory of the one that starts it.
        command: Command = [sys.executable, "-c", START, self.programs / "python", "manage.py", *map(str, arguments)]
        cpu, memory = json.loads(run(command, self.project, self.variables(url)).splitlines()[-1])
        return cpu, memory / 1024


def people(rows: int) -> Iterator[tuple[str, int, str]]:
    """Yield people for a file to import."""
    numbers = random.Random(1)
    for number in range(rows):
        yield f"Person {numbers.random():.6f}", number % 100, f"{numbers.random():.6f}.{number}@example.com"


def show(name: str, sides: list[Side]) -> None:
    parts = []
    for side in sides:
        few, many = side.taken[name].values()
        cpu, more_cpu, wall, more_wall = (
            median(taken[kind] for taken in size) for kind in (0, 1) for size in (few, many)
        )
        parts.append(
            f"{more_cpu / cpu:7.2f} times ({cpu:.1f} and {more_cpu:.1f} ms of CPU, {wall:.1f} and {more_wall:.1f} ms)"
        )
    print(f"{name + ':':30}{'; '.join(parts)}", flush=True)


def compare(sides: list[Side], folder: Path, database: str, rounds: int, rows: int, imported: int) -> None:
    """Print what both sizes cost on a database."""
    with ExitStack() as opened:
        server = opened.enter_context(servers.postgres()) if database == "postgresql" else None

        def make(name: str) -> str:
            return server.create_database(name) if server else f"sqlite:///{folder / name}.sqlite3"

        file = folder / "people.csv"
        with file.open("w", newline="") as lines:
            csv.writer(lines).writerows([("name", "age", "email"), *people(imported)])
        for number, side in enumerate(sides):
            print(f"{database}, {side.project.name}: making databases", file=sys.stderr, flush=True)
            side.taken, side.urls = {}, {size: make(f"rows{number}_{size}") for size in (FEW, rows)}
            for size, url in side.urls.items():
                side.migrate(url)
                side.python(FILL, url, size, CLUBS)
        for _ in range(rounds):
            for side in sides:
                side.measure()
        print(f"\n{database}: {rows:,} rows, as multiples of {FEW:,}. Clones in the order given.")
        for name in sides[0].taken:
            show(name, sides)
        for command in ("import_people", "export_people"):
            parts = []
            for number, side in enumerate(sides):
                if not (side.project / "people" / "management" / "commands" / f"{command}.py").exists():
                    continue
                url = make(f"{command}{number}")
                side.migrate(url)
                idle, idle_memory = side.command(url, "shell", "--no-imports", "--command", "")
                if command == "export_people":
                    side.command(url, "import_people", file)
                    cpu, memory = side.command(url, command, os.devnull)
                else:
                    cpu, memory = side.command(url, command, file)
                each = (cpu - idle) / imported * 1_000_000
                parts.append(f"{each:.1f} µs of CPU for each person, {memory - idle_memory:.0f} MB")
            if parts:
                print(f"{command + ':':30}{'; '.join(parts)}", flush=True)


def main() -> None:
    options = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    others = [argument for argument in sys.argv[1:] if "=" not in argument]
    rounds = int(next((other for other in others if other.isdecimal()), 3))
    clones = [Path(other) for other in others if not other.isdecimal()] or [REPOSITORY]
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        folder.chmod(0o755)
        sides: list[Side] = []
        for clone in clones:
            project = projects.render(clone, folder / f"project{len(sides)}", {}, vcs_ref="HEAD")
            sides.append(Side(project, projects.environment(project, folder / "environments")))
        for database in [options["database"]] if "database" in options else DATABASES:
            rows, imported = int(options.get("rows", MANY)), int(options.get("imported", 20_000))
            compare(sides, folder, database, rounds, rows, imported)


if __name__ == "__main__":
    main()
