"""`activate` chooses the right Python and leaves nothing behind, on machines made of links and small scripts.

A stand-in replaces uv here, because uv's downloads must not depend on the machine of the tests. test_readme.py sources
the same file with the real uv.
"""

import shutil
from pathlib import Path

import pytest

from ..harness.answers import REPOSITORY
from ..harness.commands import run
from ..harness.machines import OLD, PYTHON, Machine

SHELLS = [shell for shell in ("bash", "dash", "zsh") if shutil.which(shell)]

# A stand-in for uv. It has a managed Python if $HOME/managed exists, and can download one if $HOME/network exists.
UV = """
case "$1 $2" in
    "--version ") echo "uv $(cat "$HOME/uv-version")" ;;
    "python find") [ -e "$HOME/managed" ] && echo "$HOME/managed" ;;
    "python install") [ -e "$HOME/network" ] && echo > "$HOME/managed" ;;
    *) false ;;
esac
"""

PRE_RELEASE = "import sys; sys.version_info = type('V', (tuple,), {'releaselevel': 'beta'})((3, 15, 0))"
FREE_THREADED = "import sysconfig; sysconfig.get_config_var = {'Py_GIL_DISABLED': 1}.get"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine with a stand-in for uv and no Python."""
    machine = Machine(tmp_path / "machine")
    machine.script(machine.programs / "uv", UV)
    (machine.home / "uv-version").write_text("0.13.9\n")
    return machine


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    folder = tmp_path / "clone"
    folder.mkdir()
    shutil.copy2(REPOSITORY / "activate", folder)
    shutil.copy2(REPOSITORY / "copier.yml", folder)
    return folder


def chosen(machine: Machine, clone: Path, shell: str = "sh", **variables: str) -> str:
    """Return UV_PYTHON after `activate`, in a shell that stops at errors."""
    return machine.run(clone, 'set -eu; . ./activate; printf %s "$UV_PYTHON"', shell, variables)


def test_a_python_on_path_comes_first_then_pyenv_then_that_of_uv_then_a_download(machine: Machine, clone: Path) -> None:
    versions = machine.home / ".pyenv" / "versions"
    (machine.home / "managed").touch()
    order = [
        machine.programs / "python3",
        machine.programs / "python3.14",
        versions / "3.13.10" / "bin" / "python3",
        versions / "3.13.9" / "bin" / "python3",
        versions / "3.12.11" / "bin" / "python3",
    ]
    for python in order:
        machine.python(python)

    for python in order:
        assert chosen(machine, clone) == str(python)
        python.unlink()
    assert chosen(machine, clone) == str(machine.home / "managed")
    (machine.home / "managed").unlink()
    (machine.home / "network").touch()
    assert chosen(machine, clone) == str(machine.home / "managed")


@pytest.mark.parametrize("shell", SHELLS)
def test_skips_unsuitable_pythons(machine: Machine, clone: Path, shell: str) -> None:
    machine.python(machine.programs / "python3", OLD)
    machine.script(machine.programs / "python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    machine.python(machine.programs / "python3.13", FREE_THREADED)
    machine.python(machine.programs / "python3.14", PRE_RELEASE)
    versions = machine.home / ".pyenv" / "versions"
    for name in ("3.16.0a2", "3.15-dev", "3.14.3t", "3.11.9", "my-environment"):
        machine.python(versions / name / "bin" / "python3")
    machine.script(versions / "3.15.2" / "bin" / "python3", "kill -SEGV $$")
    machine.python(versions / "3.14.2" / "bin" / "python3").unlink()
    machine.python(versions / "3.13.1" / "bin" / "python3")

    assert chosen(machine, clone, shell) == str(versions / "3.13.1" / "bin" / "python3")
    second = machine.python(machine.home / "more" / "python3.13")
    assert chosen(machine, clone, shell, PATH=f"{machine.programs}:{second.parent}") == str(second)


def test_pyenv_may_be_anywhere(machine: Machine, clone: Path, tmp_path: Path) -> None:
    python = machine.python(tmp_path / "my pyenv" / "versions" / "3.12.1" / "bin" / "python3")

    assert chosen(machine, clone, PYENV_ROOT=str(tmp_path / "my pyenv")) == str(python)


def test_uses_the_base_python_of_a_virtual_environment(machine: Machine, clone: Path) -> None:
    run([PYTHON, "-m", "venv", "--without-pip", machine.home / "venv"], clone)

    found = Path(chosen(machine, clone, PATH=f"{machine.home}/venv/bin:{machine.programs}"))

    assert found.resolve() == Path(PYTHON).resolve()
    assert not found.is_relative_to(machine.home)


def test_a_python_that_the_user_names_is_kept(machine: Machine, clone: Path) -> None:
    machine.python(machine.programs / "python3")

    assert chosen(machine, clone, UV_PYTHON="3.14") == "3.14"


@pytest.mark.parametrize("shell", SHELLS)
def test_leaves_nothing_else_in_the_shell(machine: Machine, clone: Path, shell: str) -> None:
    machine.python(machine.programs / "python3")
    options = "set -eu" if shell == "dash" else "set -euo pipefail"
    state = 'echo "options=$-"; set'

    # Not after &&, where the shell would not stop at an error.
    machine.run(clone, f"{options}; : | :; {{ {state}; }} > ../before; . ./activate; {{ {state}; }} > ../after", shell)

    before, after = ((clone.parent / name).read_text().splitlines() for name in ("before", "after"))
    assert after[0] == before[0]
    names = [{line.split("=")[0] for line in lines} for lines in (before, after)]
    assert names[1] - names[0] == {"UV_PYTHON"}


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("python", [False, True], ids=["no Python", "Python without venv"])
def test_without_uv_and_python_prints_what_to_install(machine: Machine, clone: Path, shell: str, python: bool) -> None:
    (machine.programs / "uv").unlink()
    if python:
        machine.python(machine.programs / "python3", "import sys; sys.modules['ensurepip'] = None")

    output = machine.run(clone, '. ./activate; echo "$? ${UV_PYTHON-unset} ${evergreen_python-unset} $PATH"', shell)

    assert output.splitlines() == [
        "uv is missing, and so is a Python with venv to install it with: install uv (https://docs.astral.sh/uv/), or "
        "Python 3.12 or newer with venv, and try again.",
        f"1 unset unset {machine.programs}",
    ]
    assert sorted(path.name for path in clone.iterdir()) == ["activate", "copier.yml"]
    assert list(machine.home.iterdir()) == [machine.home / "uv-version"]


@pytest.mark.parametrize("shell", SHELLS)
def test_without_a_suitable_python_prints_what_to_install(machine: Machine, clone: Path, shell: str) -> None:
    machine.python(machine.programs / "python3", OLD)

    output = machine.run(clone, ". ./activate || echo status $?", shell)

    assert output.splitlines() == [
        "Python 3.12 or newer is missing, and uv could not download it: install it, or set UV_PYTHON to its path, and "
        "try again.",
        "status 1",
    ]
    machine.run(clone, "set -e; . ./activate; echo goes on > ../wrong", shell, fails=True)
    assert not (clone.parent / "wrong").exists()


def test_refuses_to_run_outside_the_template(machine: Machine, clone: Path) -> None:
    output = machine.run(clone.parent, ". clone/activate", fails=True)

    assert output == "This is not the folder of the template: go there, and type . ./activate again.\n"
