"""The README's commands work exactly as written."""

import re
import shutil
from pathlib import Path

import pytest

from ..harness.answers import REPOSITORY, questions
from ..harness.commands import git
from ..harness.machines import OLD, Machine
from ..harness.projects import UV, working_tree

README = (REPOSITORY / "README.md").read_text()
COPY, START, TEST = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)[:3]
NEXT = [line for line in COPY.splitlines()[1:] if "createsuperuser" not in line and "runserver" not in line]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose python3 is too old. The only suitable Python is in ~/.pyenv, where uv does not look."""
    machine = Machine(tmp_path / "machine")
    machine.finds_packages()
    machine.python(machine.programs / "python3", OLD)
    machine.script(machine.programs / "python3.13", "echo 'pyenv: python3.13: command not found' >&2; exit 127")
    machine.python(machine.home / ".pyenv" / "versions" / "3.13.1" / "bin" / "python3")
    return machine


@pytest.mark.slow
@pytest.mark.parametrize("uv", ["missing", "there"])
def test_the_first_command_makes_a_project_that_can_be_updated(
    template: Path, machine: Machine, tmp_path: Path, uv: str
) -> None:
    shutil.copytree(template, tmp_path / "clone")
    shutil.copy2(REPOSITORY / "activate", tmp_path / "clone")
    real_uv = Path(str(shutil.which(UV)))
    if uv == "there":
        for name in ("uv", "uvx"):
            (machine.programs / name).symlink_to(real_uv.with_name(name))

    output = machine.run(tmp_path / "clone", START)

    project = tmp_path / "my-site"
    assert "My Site is ready." in output
    assert (project / "uv.lock").exists()
    assert git(project, "status", "--porcelain") == ""
    assert git(project, "log", "--format=%s") == "Start\n"
    machine.run(tmp_path / "clone", ". ./activate && cd ../my-site && uvx copier update --defaults")
    # In a new shell with only uv on PATH, and without UV_PYTHON.
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "uv").symlink_to(real_uv)
    machine.run(project, " && ".join(NEXT), variables={"PATH": f"{tmp_path}/bin"})
    assert (project / "db.sqlite3").exists()


@pytest.mark.slow
def test_the_second_command_runs_tests(machine: Machine, tmp_path: Path) -> None:
    """PYTEST_ADDOPTS selects one test, in place of the whole suite."""
    working_tree(tmp_path / "clone", "")
    machine.script(machine.programs / "uv", '[ "$1" = --version ] && echo "uv 0.7.22"')  # too old
    one = "--numprocesses=0 tests/project/test_readme.py::test_the_table_has_each_question"

    output = machine.run(tmp_path / "clone", TEST, variables={"PYTEST_ADDOPTS": one})

    assert "1 passed" in output


def test_no_cell_of_a_table_is_long() -> None:
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]
    rows = [line for page in pages for line in page.read_text().splitlines() if line.startswith("|")]

    assert [cell for row in rows for cell in row.split("|") if len(cell.strip()) > 160] == []


def test_the_test_of_each_kind_of_fault_exists() -> None:
    table = (REPOSITORY / "docs" / "testing.md").read_text().partition("## Kinds of fault")[2].partition("\n## ")[0]
    sources = [
        path
        for name in ("tests", "template")
        for pattern in ("*.py", "*.py.jinja")
        for path in (REPOSITORY / name).rglob(pattern)
    ]
    names = {name for path in sources for name in re.findall(r"(?:def|class) (\w+)", path.read_text())}
    files = {path.name.removesuffix(".jinja") for path in sources}

    listed = {Path(name).name for name in re.findall(r"`([\w/.]+)`", table)}
    wanted = {name for name in listed if name.startswith("test_") or "Test" in name}
    assert len(wanted) > 40
    assert wanted - names - files == set()


def test_ci_runs_the_test_command() -> None:
    script = (REPOSITORY / ".ci" / "run").read_text().splitlines()

    assert set(TEST.splitlines()) <= set(script)


def test_the_table_has_each_question() -> None:
    rows = "".join(line for line in README.splitlines() if line.startswith("| `"))
    assert {name for name in questions() if f"`{name}`" not in rows} == set()
