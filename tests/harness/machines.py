"""Machines that have only the programs they are given, to type the README's commands on."""

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from .commands import clean_environment, run

# The Python below the environment of the tests: the environment's own would find the environment.
PYTHON = getattr(sys, "_base_executable", sys.executable)

# What a Python runs first that pretends to be too old.
OLD = "import sys; sys.version_info = type('V', (tuple,), {'releaselevel': 'final'})((3, 11, 2))"

# The variables by which programs find packages count; those that choose a Python do not.
CHOICES = ("PYENV", "UV_PYTHON")


class Machine:
    """A home folder and one folder of programs, which is all of PATH."""

    def __init__(self, folder: Path) -> None:
        """Make both, with links to all programs of the system but Python and uv."""
        self.home = folder / "home"
        self.programs = folder / "bin"
        self.home.mkdir(parents=True)
        self.programs.mkdir()
        for program in [Path(str(shutil.which("git"))), *Path("/usr/bin").iterdir()]:
            if not program.name.startswith(("python", "uv")) and not (self.programs / program.name).is_symlink():
                (self.programs / program.name).symlink_to(program)

    def script(self, path: Path, body: str) -> Path:
        """Write a shell script that can be run."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    def python(self, path: Path, pretend: str = "") -> Path:
        """Put a Python there: a link to a real one, or one that runs this code first.

        The latter knows only -c and -m: uv, which asks in another way, takes it for broken.
        """
        if pretend:
            real, first = shlex.quote(PYTHON), shlex.quote(f"{pretend}\n")
            return self.script(
                path, f'case $1 in -c) exec {real} -c {first}"$2" ;; -m) exec {real} "$@" ;; *) exit 1 ;; esac'
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(PYTHON)
        return path

    def finds_packages(self) -> None:
        """Let pip and uv find packages the way they do for whoever runs the tests, in the same cache."""
        (self.home / ".config").mkdir()
        for name in (".cache", ".config/pip", ".config/uv"):
            (self.home / name).symlink_to(Path.home() / name)

    def run(
        self,
        cwd: Path,
        command: str,
        shell: str = "bash",
        variables: Mapping[str, str] | None = None,
        *,
        fails: bool = False,
    ) -> str:
        """Type a command into a new shell, with no variable but these, and return what is printed."""
        kept = {name: value for name, value in clean_environment().items() if not name.startswith(CHOICES)}
        here = {"HOME": str(self.home), "PATH": str(self.programs), "UV_PYTHON_DOWNLOADS": "never"}
        assignments = [f"{name}={value}" for name, value in (kept | here | dict(variables or {})).items()]
        return run(["env", "-i", *assignments, str(shutil.which(shell)), "-c", command], cwd, fails=fails)
