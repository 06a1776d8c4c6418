"""Machines with only the programs that a test gives them, for typing the README's commands."""

import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from .commands import clean_environment, run

# The base Python of the tests' environment: the environment's own Python would find its packages.
PYTHON = getattr(sys, "_base_executable", sys.executable)

# A Python that pretends to be too old runs this first.
OLD = "import sys; sys.version_info = type('V', (tuple,), {'releaselevel': 'final'})((3, 11, 2))"

# Keep the variables that help programs find packages. Drop those that choose a Python.
CHOICES = ("PYENV", "UV_PYTHON")


class Machine:
    """A home folder, and a folder of programs, which is the only one on PATH."""

    def __init__(self, folder: Path) -> None:
        """Create both, with links to all programs of the system except Python and uv."""
        self.home = folder / "home"
        self.programs = folder / "bin"
        self.home.mkdir(parents=True)
        self.programs.mkdir()
        for program in [Path(str(shutil.which("git"))), *Path("/usr/bin").iterdir()]:
            if not program.name.startswith(("python", "uv")) and not (self.programs / program.name).is_symlink():
                (self.programs / program.name).symlink_to(program)

    def script(self, path: Path, body: str) -> Path:
        """Write an executable shell script."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)
        return path

    def python(self, path: Path, pretend: str = "") -> Path:
        """Install a Python: a link to a real one, or a script that first runs this code in it.

        The script knows only -c and -m. uv passes other options, so it considers the script broken.
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
        """Let pip and uv find packages in the same way, and in the same cache, as in the shell that runs the tests."""
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
        """Run a command in a new shell with only these variables, and return its output."""
        kept = {name: value for name, value in clean_environment().items() if not name.startswith(CHOICES)}
        here = {"HOME": str(self.home), "PATH": str(self.programs), "UV_PYTHON_DOWNLOADS": "never"}
        assignments = [f"{name}={value}" for name, value in (kept | here | dict(variables or {})).items()]
        return run(["env", "-i", *assignments, str(shutil.which(shell)), "-c", command], cwd, fails=fails)
