"""Running programs the way a user's shell does, without what the tests' own environment would leak in."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

Command = Sequence[str | Path]

KEPT = ("HOME", "LANG", "PATH", "SSL_CERT_FILE", "TMPDIR", "TZ")
KEPT_PREFIXES = ("PIP_", "PYENV", "UV_")

# Django's own deprecations, and those of the packages too.
WARNINGS = ["-W", "error::DeprecationWarning", "-W", "error::PendingDeprecationWarning"]

# Commands of manage.py in one process, because each would take longer to start than to run.
MANAGE = """
import json
import sys

import manage

for command in json.loads(sys.argv[1]):
    sys.argv = ["manage.py", *command]
    manage.main()
"""


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables a command is run with: those that find programs and packages, and `extra`."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(KEPT_PREFIXES)}
    return kept | dict(extra or {})


def run(command: Command, cwd: Path, env: Mapping[str, str] | None = None, *, fails: bool = False) -> str:
    """Run a command to its end and return what it printed on both streams.

    env: variables beside those of `clean_environment`. fails: whether it has to fail.
    Raises AssertionError, with the output, when the command ends otherwise.
    """
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean_environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if (result.returncode != 0) != fails:
        shown = " ".join(str(part) for part in command)
        raise AssertionError(f"{shown} ended with {result.returncode} in {cwd}:\n{result.stdout}")
    return result.stdout


def manage(project: Path, programs: Path, variables: Mapping[str, str], *commands: Sequence[str]) -> str:
    """Run commands of manage.py, one after another, and return what they print; fail where one warns of a removal.

    programs: the folder of the programs of the project's environment. commands: each with its arguments.
    """
    return run([programs / "python", *WARNINGS, "-c", MANAGE, json.dumps(commands)], project, variables)


def git(cwd: Path, *arguments: str) -> str:
    """Run git with an identity of its own and return what it printed."""
    identity = {
        "GIT_AUTHOR_NAME": "Tests",
        "GIT_AUTHOR_EMAIL": "tests@example.com",
        "GIT_COMMITTER_NAME": "Tests",
        "GIT_COMMITTER_EMAIL": "tests@example.com",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    return run(["git", *arguments], cwd, identity)
