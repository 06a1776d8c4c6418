"""The README's commands, as they stand there."""

import re
import shutil
from pathlib import Path

import pytest

from ..harness.answers import REPOSITORY, questions
from ..harness.commands import git, run

README = (REPOSITORY / "README.md").read_text()
START, TEST, NEXT = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)[:3]


@pytest.mark.slow
def test_the_first_command_makes_a_project_that_can_be_updated(template: Path, tmp_path: Path) -> None:
    shutil.copytree(template, tmp_path / "clone")

    output = run(["bash", "-euo", "pipefail", "-c", START], tmp_path / "clone")

    project = tmp_path / "my-site"
    assert "My Site is ready." in output
    assert (project / "uv.lock").exists()
    assert git(project, "status", "--porcelain") == ""
    programs = f'export PATH="{tmp_path}/clone/.uv/bin:$PATH"'
    run(["bash", "-euo", "pipefail", "-c", f"{programs}; uvx copier update --defaults"], project)
    commands = [line for line in NEXT.splitlines() if "createsuperuser" not in line and "runserver" not in line]
    run(["bash", "-euo", "pipefail", "-c", "\n".join([programs, *commands])], project)
    assert (project / "db.sqlite3").exists()


def test_ci_runs_the_test_command() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text().splitlines()

    assert set(TEST.splitlines()) <= set(script)


def test_the_table_has_each_question() -> None:
    rows = "".join(line for line in README.splitlines() if line.startswith("| `"))
    assert {name for name in questions() if f"`{name}`" not in rows} == set()
