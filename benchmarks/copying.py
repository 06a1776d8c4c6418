"""Measure what a copy and an update cost, compared with an older state, and what changes in Copier would save.

Usage: uv run python -m benchmarks.copying [OLD] [ROUNDS]

OLD is a commit or tag of this repository, ROUNDS a number (5 unless given). Prints CPU times, each the median of ROUNDS
rounds in which all of them take turns: of a default copy, and of an update that turns Celery on, as multiples of the
same with OLD. Then the same with Copier changed, as multiples of Copier as it is.

The changes replace methods of Copier in processes of this benchmark only. It checks that each gives the same project.
"""

import sys
import tempfile
from pathlib import Path
from statistics import median

from tests.harness.answers import REPOSITORY
from tests.harness.projects import files
from tests.update.updating import commit

from .rendered_diff import state
from .run import cpu_seconds

# Copier 9.19 calls git for each file, to read a setting that is the same for all files of a project.
ONE_CALL_OF_GIT = """
from copier._main import Worker
sync, answers = Worker._sync_git_index_executable_bit, {}
def sync_once(self, path, mode):
    folder = self.subproject.local_abspath
    if folder not in answers:
        found = run(["git", "config", "--type=bool", "--get", "core.fileMode"], cwd=folder, capture_output=True)
        answers[folder] = found.stdout.strip()
    if answers[folder] == b"false":
        sync(self, path, mode)
Worker._sync_git_index_executable_bit = sync_once
"""
# It compiles each part of each path, and the name of the answers file as often.
EACH_TEXT_COMPILED_ONCE = """
from jinja2 import Environment
compile_text, compiled = Environment.from_string, {}
def from_string(self, source, *args, **kwargs):
    key = (id(self), source)
    if key not in compiled:
        compiled[key] = self, compile_text(self, source, *args, **kwargs)
    return compiled[key][1]
Environment.from_string = from_string
"""
# It makes three renderings for an update. Each compiles all templates, and reads copier.yml, anew.
EACH_TEMPLATE_COMPILED_ONCE = f"""
from types import SimpleNamespace
sys.path.append({str(REPOSITORY)!r})
from tests.harness.memory import remember_templates
remember_templates(SimpleNamespace(setattr=setattr))
"""
CHANGES = {
    "git is called once": ONE_CALL_OF_GIT,
    "each text is compiled once in a rendering": EACH_TEXT_COMPILED_ONCE,
    "each template is compiled and copier.yml is read once": EACH_TEMPLATE_COMPILED_ONCE,
}
CHANGES["all of these"] = "".join(CHANGES.values())

COPIER = """
import sys
from subprocess import run
{change}
from copier._cli import CopierApp
CopierApp.run(["copier", *sys.argv[1:]])
"""


def main() -> None:
    old = sys.argv[1] if len(sys.argv) > 1 else "2bfa560"
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        templates = {"now": state(folder / "now", None), "old": state(folder / "old", old)}
        variants = [("now", ""), ("old", ""), *(("now", change) for change in CHANGES.values())]
        seconds: dict[tuple[str, str, str], list[float]] = {}
        results: dict[tuple[str, str], list[dict[str, bytes]]] = {}
        for number, (template_name, change) in enumerate(variants * rounds):
            project = folder / f"project{number}"
            copier = [sys.executable, "-c", COPIER.format(change=change)]
            copy = [*copier, "copy", "--defaults", "--quiet", str(templates[template_name]), str(project)]
            update = [*copier, "update", "--defaults", "--quiet", "--data", "use_celery=true"]
            seconds.setdefault(("copy", template_name, change), []).append(cpu_seconds(copy, folder))
            results.setdefault(("copy", template_name), []).append(files(project))
            commit(project, "Start")
            seconds.setdefault(("update", template_name, change), []).append(cpu_seconds(update, project))
            results.setdefault(("update", template_name), []).append(files(project))
        for key, found in results.items():
            assert all(project == found[0] for project in found), f"{key} differs"
        for command in ("copy", "update"):
            now = seconds[command, "now", ""]
            print(f"{command}: {ratio(now, seconds[command, 'old', '']):.2f} times that of {old}")
            for title, change in CHANGES.items():
                print(f"{command}, if {title}: {ratio(seconds[command, 'now', change], now):.2f} times Copier's own")


def ratio(numerators: list[float], denominators: list[float]) -> float:
    """Return the median of the ratios of the rounds."""
    return median(a / b for a, b in zip(numerators, denominators, strict=True))


if __name__ == "__main__":
    main()
