"""Updating a project without trust, and looking at what came of it."""

import stat
from pathlib import Path
from typing import Any

import copier

from ..harness.commands import git
from ..harness.projects import files


def commit(project: Path, message: str) -> None:
    """Put everything in a project under version control."""
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", message)


def update(project: Path, answers: dict[str, Any] | None = None) -> None:
    """Do what `copier update --defaults --data ...` does, without trust."""
    copier.run_update(project, data=answers or {}, defaults=True, overwrite=True, quiet=True, unsafe=False)


def assert_no_conflict(project: Path) -> None:
    for name, content in files(project).items():
        assert not name.endswith(".rej"), name
        assert b"<<<<<<<" not in content, name


def assert_same(project: Path, wanted: Path, *, beside: set[str] | None = None) -> None:
    """Fail unless both have the same files, with the same contents and modes, and no empty folder.

    project: a repository; what git ignores there, and the lock, does not count. beside: paths that only it has to have.
    """
    listed = git(project, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0")
    kept = {name for name in listed if name and (project / name).exists()} - {"uv.lock"}
    expected = files(wanted)
    assert kept == expected.keys() | (beside or set())
    for name, content in expected.items():
        assert (project / name).read_bytes() == content, name
        modes = [stat.S_IMODE((root / name).stat().st_mode) for root in (project, wanted)]
        assert modes[0] == modes[1], name
    folders = [path for path in project.rglob("*") if path.is_dir() and ".git" not in path.relative_to(project).parts]
    assert [folder for folder in folders if not any(folder.iterdir())] == []
