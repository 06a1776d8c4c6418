"""Show how what the template renders changes between two states of it: what a reviewer's users will see.

Usage: uv run python -m benchmarks.rendered_diff [OLD] [NEW] [QUESTION=ANSWER ...]

OLD and NEW are commits or tags of this repository. OLD is its newest release unless given, NEW the working tree.
Answers that are not given are those of presets/full.yml. Prints a plain diff, or nothing where nothing changes.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from tests.harness.answers import REPOSITORY, Answers
from tests.harness.projects import past, release, releases, render, working_tree


def rendered(folder: Path, ref: str | None, name: str, answers: Answers) -> None:
    """Render the template of a commit or tag, or the working tree, to a folder of that name in `folder`."""
    template = folder / "template"
    if ref:
        past(template, ref)
    else:
        working_tree(template)
    release(template, "1.0.0")
    render(template, folder / name, answers)
    shutil.rmtree(template)


def main() -> None:
    given = [argument for argument in sys.argv[1:] if "=" not in argument]
    answers = yaml.safe_load((REPOSITORY / "presets" / "full.yml").read_text())
    answers |= dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    old, new = [*given, *[None] * 2][:2]
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        rendered(folder, old or releases()[-1], "old", answers)
        rendered(folder, new, "new", answers)
        subprocess.run(["git", "--no-pager", "diff", "--no-index", "old", "new"], cwd=folder, check=False)


if __name__ == "__main__":
    main()
