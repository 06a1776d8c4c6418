"""Update a project without trust, and check the result."""

import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import copier
from filelock import FileLock

from ..harness import projects
from ..harness.commands import git
from ..harness.projects import files, replace


def commit(project: Path, message: str) -> None:
    """Commit everything in a project."""
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", message)


def made_once(kept: Path, destination: Path, make: Callable[[Path], None]) -> Path:
    """Copy a project that several tests start with. The first one creates it with `make` in the folder `kept`."""
    kept.parent.mkdir(exist_ok=True)
    with FileLock(kept.with_suffix(".lock")):
        if not kept.exists():
            making = kept.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)  # left by a failed test
            make(making)
            making.rename(kept)
    return Path(shutil.copytree(kept, destination, symlinks=True))


def update(project: Path, answers: dict[str, Any] | None = None, *, quiet: bool = True) -> None:
    """Do the same as `copier update --defaults --data ...`, without trust."""
    copier.run_update(project, data=answers or {}, defaults=True, overwrite=True, quiet=quiet, unsafe=False)


def assert_no_conflict(project: Path) -> None:
    for name, content in files(project).items():
        assert not name.endswith(".rej"), name
        assert b"<<<<<<<" not in content, name


def assert_same(project: Path, wanted: Path, *, beside: set[str] | None = None) -> None:
    """Check that both have the same files, with the same contents and modes, and no empty folder.

    project: a repository; ignored files and the lock file do not count. beside: paths that only the project must have.
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


def first_release(template: Path) -> Path:
    """Create a repository of the template with the release 1.0.0, and return its folder."""
    template.mkdir()
    return projects.snapshot(template)


def release_next(template: Path) -> None:
    """Release 1.1.0, with a changed setting and new bounds of a dependency."""
    replace(template / "template", 'TIME_ZONE = "UTC"', 'TIME_ZONE = "Europe/Rome"')
    replace(template, "environs>=15.2,<16", "environs>=15.2,<17")
    projects.release(template, "1.1.0")


def replace_by_working_tree(template: Path) -> None:
    git(template, "rm", "-r", "--quiet", ".")
    projects.working_tree(template)


def move(template: Path, old: str, new: str) -> None:
    """Rename a module of the project's package, and its imports."""
    module = template / "template" / "{{ project_slug }}" / f"{old}.py"
    module.rename(module.with_name(f"{new}.py"))
    replace(template / "template", f".{old}.", f".{new}.")
