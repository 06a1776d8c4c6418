"""Show how projects change with the template, as a diff between two states of the template.

Usage: uv run python -m benchmarks.rendered_diff [OLD] [NEW] [QUESTION=ANSWER ...]

OLD and NEW are commits or tags of this repository. By default, OLD is its newest release and NEW the working tree.
Without answers, the command compares several projects, which together have every feature. If a state lacks a question,
it is rendered without this answer. Prints a plain diff of each project that changes.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from packaging.version import InvalidVersion, Version

from tests.harness.answers import Answers, identify
from tests.harness.projects import past, release, releases, render, working_tree

SAMPLES: list[Answers] = [
    {},
    {"server": "asgi", "use_celery": True, "user_model": "username", "update_bot": "github"},
    {"database": "sqlite", "accounts": "none", "use_drf": False, "include_example": False, "update_bot": "renovate"},
]


def newest_release() -> str:
    """Return the newest release that is not a pre-release."""

    def is_final(ref: str) -> bool:
        try:
            return not Version(ref).is_prerelease
        except InvalidVersion:  # a commit that counts as a release
            return True

    return [ref for ref in releases() if is_final(ref)][-1]


def state(folder: Path, ref: str | None) -> Path:
    """Put the template of a commit, a tag, or the working tree into a folder, as a repository with one release."""
    if ref:
        past(folder, ref)
    else:
        working_tree(folder)
    release(folder, "1.0.0")
    return folder


def questions(template: Path) -> set[str]:
    """Return the names of the questions and computed answers of a state."""
    return {name for name in yaml.safe_load((template / "copier.yml").read_text()) if not name.startswith("_")}


def rendered(template: Path, folder: Path, samples: list[Answers]) -> None:
    """Render a state with each sample. It may lack questions: then it is rendered without these answers."""
    known = questions(template)
    for sample in samples:
        answers = {name: value for name, value in sample.items() if name in known}
        render(template, folder / identify(sample), answers)


def main() -> None:
    given = [argument for argument in sys.argv[1:] if "=" not in argument]
    answers = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    old, new = [*given, *[None] * 2][:2]
    samples: list[Answers] = [answers] if answers else SAMPLES
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        templates = {
            "old": state(folder / "old-template", old or newest_release()),
            "new": state(folder / "new-template", new),
        }
        if unknown := answers.keys() - questions(templates["old"]) - questions(templates["new"]):
            sys.exit(f"Neither state of the template has the question {', '.join(sorted(unknown))}: see copier.yml.")
        for name, template in templates.items():
            rendered(template, folder / name, samples)
        for name in (identify(sample) for sample in samples):
            print(f"=== {name or 'defaults'}", flush=True)
            diff = ["git", "--no-pager", "diff", "--no-index", f"old/{name}", f"new/{name}"]
            subprocess.run(diff, cwd=folder, check=False)


if __name__ == "__main__":
    main()
