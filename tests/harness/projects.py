"""The template as its users get it, projects made from it, and the environments these declare."""

import hashlib
import json
import os
import shutil
import sys
import tarfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import copier
from filelock import FileLock
from packaging.version import Version

from .answers import REPOSITORY
from .commands import git, run

UV = os.environ.get("UV", "uv")
EARLIER = ["e41cac4489eab7eea0a1d7278442afa287d3b857", "c99675d7d21fda6ef1dd8e296246a7065bb56cf3"]
TEMPLATE = ("copier.yml", "extensions", "presets", "template")


def working_tree(destination: Path, names: str | tuple[str, ...] = TEMPLATE) -> None:
    """Copy what makes the template, or has other names in front, from the working tree of this repository as it is."""
    listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], REPOSITORY)
    for name in filter(None, listed.split("\0")):
        if name.startswith(names) and (REPOSITORY / name).is_file():
            target = destination / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target)


def releases() -> list[str]:
    """Return the tags of this repository, oldest first, behind commits that count as releases: what was before tags."""
    return [*EARLIER, *sorted(git(REPOSITORY, "tag", "--list").split(), key=Version)]


def past(destination: Path, ref: str) -> None:
    """Copy everything at a commit or tag of this repository, which has to be a whole clone."""
    if run(["git", "rev-parse", "--is-shallow-repository"], REPOSITORY) == "true\n":
        raise AssertionError("This clone has no history to compare with: git fetch --unshallow --tags.")
    archive = destination.with_suffix(".tar")
    git(REPOSITORY, "archive", f"--output={archive}", ref)
    with tarfile.open(archive) as files:
        files.extractall(destination, filter="data")


def release(repository: Path, version: str) -> None:
    """Commit everything in a repository of the template, which is made where there is none, and tag it."""
    git(repository, "init", "--quiet")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", f"Release {version}")
    git(repository, "tag", version)


def replace(folder: Path, old: str, new: str) -> None:
    """Replace a text wherever it stands in the files of a folder; one of them has to have it."""
    texts = {path: path.read_text() for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts}
    found = {path: text for path, text in texts.items() if old in text}
    assert found, old
    for path, text in found.items():
        path.write_text(text.replace(old, new))


def snapshot(destination: Path) -> Path:
    """Make a repository of the template, from the working tree as it is now, with the release 1.0.0."""
    working_tree(destination)
    release(destination, "1.0.0")
    return destination


def render(template: Path, destination: Path, answers: Mapping[str, Any], **options: Any) -> Path:
    """Copy the template without trust, with these answers and the defaults of the others, as --data does."""
    copier.run_copy(str(template), destination, data=dict(answers), defaults=True, quiet=True, unsafe=False, **options)
    return destination


def files(project: Path) -> dict[str, bytes]:
    """Return the content of every file that Copier wrote, by its path."""
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in sorted(project.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(project).parts
    }


def environment(project: Path, store: Path, *, production: bool = False) -> Path:
    """Install what a project declares, and nothing else, and return the folder of the environment's programs.

    project: the project; uv writes its lock file there. store: where environments are kept; projects with equal
    dependencies share one. production: whether to install what production needs instead of what development needs.
    """
    declared = tomllib.loads((project / "pyproject.toml").read_text())
    groups = ["production"] if production else ["dev"]
    wanted = [declared["project"]["dependencies"], *(declared["dependency-groups"][group] for group in groups)]
    name = "-".join([*groups, hashlib.sha256(json.dumps([wanted, sys.version]).encode()).hexdigest()[:12]])
    folder = store / name
    store.mkdir(parents=True, exist_ok=True)
    with FileLock(store / f"{name}.lock"):
        if not (folder / "complete").exists():
            flags = ["--no-dev", "--group", "production"] if production else []
            sync = [UV, "sync", "--quiet", "--python", sys.executable, *flags]
            run(sync, project, {"UV_PROJECT_ENVIRONMENT": str(folder)})
            (folder / "complete").touch()
    return folder / "bin"


PRODUCTION = {
    "ALLOWED_HOSTS": "example.com",
    "DEFAULT_FROM_EMAIL": "site@example.com",
    "EMAIL_HOST": "mail.example.com",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz-ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "SITE_URL": "https://example.com",
}
