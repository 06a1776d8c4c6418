"""Measure the time of a copy of the template, as ratios within one run.

Usage: uv run python -m benchmarks.run [ROUNDS]

Prints the CPU time of a default copy as a multiple of that of `copier --version` (the median of ROUNDS rounds, 5
unless given), and the wall time of each step from nothing to passed tests, with a warm package cache, in seconds and
as a multiple of the copy.
"""

import resource
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from tests.harness.commands import Command, run
from tests.harness.projects import UV, snapshot


def cpu_seconds(command: Command, folder: Path) -> float:
    """Run a command and return the CPU seconds of it and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run(command, folder)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def wall_seconds(command: Command, folder: Path) -> float:
    """Run a command and return its wall time in seconds."""
    start = time.perf_counter()
    run(command, folder)
    return time.perf_counter() - start


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent)
        template = folder / "template"
        template.mkdir()
        snapshot(template)
        version = ["copier", "--version"]
        copies = [["copier", "copy", "--defaults", "--quiet", str(template), f"copy{n}"] for n in range(rounds)]
        ratios = [cpu_seconds(copy, folder) / cpu_seconds(version, folder) for copy in copies]
        print(f"CPU time of a default copy: {median(ratios):.2f} times that of copier --version")

        project = folder / "project"
        python = ["--quiet", "--python", sys.executable]
        steps: dict[str, tuple[Command, Path]] = {
            "copy": (["copier", "copy", "--defaults", "--quiet", str(template), "project"], folder),
            "install": ([UV, "sync", *python], project),
            "migrate": ([UV, "run", "manage.py", "migrate"], project),
            "test": ([UV, "run", "manage.py", "test"], project),
        }
        run([UV, "sync", *python], folder / "copy0")  # warms the cache
        seconds = {name: wall_seconds(*step) for name, step in steps.items()}
        for name, taken in seconds.items():
            print(f"{name}: {taken:.2f} s, {taken / seconds['copy']:.2f} times the copy")
        print(f"all: {sum(seconds.values()):.2f} s, {sum(seconds.values()) / seconds['copy']:.2f} times the copy")


if __name__ == "__main__":
    main()
