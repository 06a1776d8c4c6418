"""Show how projects change with the template, as a diff between two states of the template.

Usage: uv run python -m benchmarks.rendered_diff [OLD] [NEW] [QUESTION=ANSWER ...]

OLD and NEW are commits or tags of this repository. By default, OLD is its newest release and NEW the working tree.
Without answers, the command compares several projects, which together have every feature. Prints a plain diff of each
project that changes.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

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


def rendered(folder: Path, ref: str | None, name: str, samples: list[Answers]) -> None:
    """Render the template of a commit, a tag, or the working tree with each sample, into a folder of that name."""
    template = folder / "template"
    if ref:
        past(template, ref)
    else:
        working_tree(template)
    release(template, "1.0.0")
    for sample in samples:
        render(template, folder / name / identify(sample), sample)
    shutil.rmtree(template)


def main() -> None:
    given = [argument for argument in sys.argv[1:] if "=" not in argument]
    answers = dict(argument.split("=", 1) for argument in sys.argv[1:] if "=" in argument)
    old, new = [*given, *[None] * 2][:2]
    samples = [answers] if answers else SAMPLES
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        rendered(folder, old or newest_release(), "old", samples)
        rendered(folder, new, "new", samples)
        for name in (identify(sample) for sample in samples):
            print(f"=== {name or 'defaults'}", flush=True)
            diff = ["git", "--no-pager", "diff", "--no-index", f"old/{name}", f"new/{name}"]
            subprocess.run(diff, cwd=folder, check=False)


if __name__ == "__main__":
    main()
