"""Run programs like a user's shell, isolated from the tests' own environment."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

Command = Sequence[str | Path]

KEPT = ("HOME", "LANG", "PATH", "SSL_CERT_FILE", "TMPDIR", "TZ")
KEPT_PREFIXES = ("NPM_CONFIG_", "PIP_", "PYENV", "UV_")

# Turn deprecation warnings of Django and of packages into errors.
WARNINGS = ["-W", "error::DeprecationWarning", "-W", "error::PendingDeprecationWarning"]

# Runs several commands of manage.py in one process, because each takes longer to start than to run.
MANAGE = """
import json
import sys

import manage

for command in json.loads(sys.argv[1]):
    sys.argv = ["manage.py", *command]
    manage.main()
"""


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables for a command: those that help to find programs and packages, and `extra`."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT or name.startswith(KEPT_PREFIXES)}
    return kept | dict(extra or {})


def run(command: Command, cwd: Path, env: Mapping[str, str] | None = None, *, fails: bool = False) -> str:
    """Run a command and return its output on both streams.

    env: variables in addition to those of `clean_environment`. fails: whether the command must fail.
    Raises AssertionError, with the output, if the exit code differs from that.
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


def manage_command(programs: Path, *commands: Sequence[str]) -> Command:
    """Return one command that runs commands of manage.py, one after another. Deprecation warnings are errors.

    programs: the folder of the programs of the project's environment. commands: each with its arguments.
    """
    return [programs / "python", *WARNINGS, "-c", MANAGE, json.dumps(commands)]


def manage(project: Path, programs: Path, variables: Mapping[str, str], *commands: Sequence[str]) -> str:
    """Run commands of manage.py as `manage_command` does, and return their output."""
    return run(manage_command(programs, *commands), project, variables)


def git(cwd: Path, *arguments: str) -> str:
    """Run git with an identity for tests, and return its output."""
    identity = {
        "GIT_AUTHOR_NAME": "Tests",
        "GIT_AUTHOR_EMAIL": "tests@example.com",
        "GIT_COMMITTER_NAME": "Tests",
        "GIT_COMMITTER_EMAIL": "tests@example.com",
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    return run(["git", *arguments], cwd, identity)
