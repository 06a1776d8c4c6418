"""Update a fleet of projects like bots do, and count the results.

Usage: uv run python -m benchmarks.fleet [PROJECTS]

Makes PROJECTS projects (100 unless given) with random answers and names, each with some of the edits that the tests
know and three lines at random places. Releases a new version of the template, and runs
`copier update --skip-answered --defaults --vcs-ref 2.0.0` on each project. Prints the number of updated projects, of
conflicts, and of added lines that are still there; and the seconds per project, for the whole fleet as a multiple of
those for its first half. The random numbers have a fixed seed.
"""

import sys
import tempfile
import time
from pathlib import Path
from random import Random
from statistics import median

import yaml

from tests.harness import projects, work
from tests.harness.answers import questions, settle, values
from tests.harness.commands import git, run
from tests.harness.texts import ACCEPTED
from tests.update.updating import commit

NAMES = ["atlas", "bakery", "city_guide", "delta_works", "energy", "forum_for_gardeners", "gallery", "harbour"]
STRAY_LINES = 3


def random_answers(random: Random) -> dict[str, object]:
    """Return a random answer to every question: a choice, yes or no, a name, or a hostile text."""
    answers: dict[str, object] = {}
    for name, definition in questions().items():
        if definition["type"] == "bool" or "choices" in definition:
            answers[name] = random.choice(values(name))
        elif name in ("project_name", "description", "author_name"):
            answers[name] = random.choice(list(ACCEPTED.values()))
    slug, app = random.sample(NAMES, 2)
    return settle(answers) | {"project_slug": slug, "app_name": app, "author_email": "team@example.com"}


def add_stray_lines(project: Path, random: Random) -> None:
    """Add comments at random places in random modules of the template."""
    modules = [path for path in project.rglob("*.py") if len(path.read_text().splitlines()) > 1]
    for number in range(STRAY_LINES):
        module = random.choice(sorted(modules))
        lines = module.read_text().splitlines()
        lines.insert(random.randrange(1, len(lines) + 1), f"# Note {number}")
        module.write_text("\n".join(lines) + "\n")


def added_lines(project: Path) -> list[tuple[str, str]]:
    """Return file and text of each line that the newest commit of a project added."""
    added, name = [], ""
    for line in git(project, "diff", "--unified=0", "HEAD~1", "HEAD").splitlines():
        if line.startswith("+++ "):
            name = line.removeprefix("+++ b/")
        elif line.startswith("+"):
            added.append((name, line[1:]))
    return added


def lost_lines(project: Path, added: list[tuple[str, str]]) -> list[str]:
    """Return the files of a project that lack a line."""
    texts = {name: (project / name).read_text() if (project / name).exists() else "" for name, _ in added}
    return [f"{project.name}: {name}" for name, line in added if line not in texts[name].splitlines()]


def release_much(template: Path) -> None:
    """Release a version with typical changes: new values, new lines, a new question, added and removed files."""
    source = template / "template"
    for old, new in [
        ("AXES_FAILURE_LIMIT = 5", "AXES_FAILURE_LIMIT = 10"),
        ("default=3600,", "default=86400,"),
        ("environs>=15.2,<16", "environs>=15.2.1,<16"),
        ("whitenoise>=6.12,<7", "whitenoise>=6.13,<7"),
        ("STATIC_URL = ", 'LANGUAGE_CODE = "en"\nSTATIC_URL = '),
        ('    "object-src": [CSP.NONE],\n', '    "manifest-src": [CSP.SELF],\n    "object-src": [CSP.NONE],\n'),
        ("# SECURE_HSTS_SECONDS=3600", "# SECURE_HSTS_SECONDS=86400"),
        ("| `uv run mypy .` | checks types |", "| `uv run mypy .` | checks types, as editors do |"),
    ]:
        projects.replace(template, old, new)
    (source / "SECURITY.md").write_text("# Security\n\nTell the maintainers first.\n")
    (source / "{{ app_name }}" / "tests" / "test_home.py.jinja").unlink()
    settings = template / "copier.yml"
    question = "favourite:\n  type: str\n  default: none\n  help: A new question.\n\n_exclude:\n"
    settings.write_text(settings.read_text().replace("_exclude:\n", question))
    projects.release(template, "2.0.0")


def main() -> None:
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        template = projects.snapshot(folder / "template")
        fleet = {}
        for number in range(size):
            random = Random(number)
            project = projects.render(template, folder / f"project{number}", random_answers(random))
            commit(project, "Start")
            for edit in work.EDITS:
                if random.random() < 0.5:
                    edit(project)
            add_stray_lines(project, random)
            commit(project, "Work")
            fleet[project] = added_lines(project)
        release_much(template)

        seconds, updated, conflicts, lost = [], 0, [], []
        command = ["copier", "update", "--skip-answered", "--defaults", "--quiet", "--vcs-ref", "2.0.0"]
        for project, added in fleet.items():
            start = time.perf_counter()
            run(command, project)
            seconds.append(time.perf_counter() - start)
            answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
            updated += answers["_commit"] == "2.0.0" and answers["favourite"] == "none"
            unmerged = git(project, "diff", "--name-only", "--diff-filter=U").splitlines()
            conflicts += [f"{project.name}: {name}" for name in unmerged]
            lost += lost_lines(project, added)

    print(f"{updated} of {size} projects updated; {len({line.split(':')[0] for line in conflicts})} have conflicts")
    print(*conflicts, sep="\n", end="\n" if conflicts else "")
    lines = sum(map(len, fleet.values()))
    print(f"{lines - len(lost)} of {lines} lines of users kept; the others were in:")
    print(*(lost or ["-"]), sep="\n")
    half = max(1, size // 2)
    ratio = sum(seconds) / sum(seconds[:half]) * half / size
    print(f"{median(seconds):.2f} s for a project (median); a project of {size} takes {ratio:.2f} times one of {half}")


if __name__ == "__main__":
    main()
