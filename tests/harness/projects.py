"""The template as users get it, projects made from it, and their environments."""

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
    """Copy the template from the current working tree, or the files whose names start with other prefixes."""
    listed = run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], REPOSITORY)
    for name in filter(None, listed.split("\0")):
        if name.startswith(names) and (REPOSITORY / name).is_file():
            target = destination / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target)


def releases() -> list[str]:
    """Return the releases, oldest first: the commits that count as releases, then the tags of this repository."""
    return [*EARLIER, *sorted(git(REPOSITORY, "tag", "--list").split(), key=Version)]


def past(destination: Path, ref: str) -> None:
    """Copy all files of a commit or tag of this repository, which must not be a shallow clone."""
    if run(["git", "rev-parse", "--is-shallow-repository"], REPOSITORY) == "true\n":
        raise AssertionError("This clone has no history to compare with: git fetch --unshallow --tags.")
    archive = destination.with_suffix(".tar")
    git(REPOSITORY, "archive", f"--output={archive}", ref)
    with tarfile.open(archive) as files:
        files.extractall(destination, filter="data")


def release(repository: Path, version: str) -> None:
    """Commit everything in a repository of the template, and tag it. Creates the repository if necessary."""
    git(repository, "init", "--quiet")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", f"Release {version}")
    git(repository, "tag", version)


def replace(folder: Path, old: str, new: str) -> None:
    """Replace a text in all files of a folder. Raises AssertionError if none contains it."""
    texts = {path: path.read_text() for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts}
    found = {path: text for path, text in texts.items() if old in text}
    assert found, old
    for path, text in found.items():
        path.write_text(text.replace(old, new))


def snapshot(destination: Path) -> Path:
    """Create a repository of the template from the current working tree, with the release 1.0.0."""
    working_tree(destination)
    release(destination, "1.0.0")
    return destination


def render(template: Path, destination: Path, answers: Mapping[str, Any], **options: Any) -> Path:
    """Copy the template without trust, with these answers, like --data, and the defaults of the others."""
    copier.run_copy(str(template), destination, data=dict(answers), defaults=True, quiet=True, unsafe=False, **options)
    return destination


def files(project: Path) -> dict[str, bytes]:
    """Return the contents of all files that Copier wrote, by path."""
    return {
        path.relative_to(project).as_posix(): path.read_bytes()
        for path in sorted(project.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(project).parts
    }


def environment(project: Path, store: Path, *, production: bool = False) -> Path:
    """Install exactly what a project declares, and return the folder of the environment's programs.

    project: the project; uv writes its lock file there. store: where environments are kept; projects with equal
    dependencies share one. production: whether to install the packages for production instead of those for development.
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
