import os
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from .harness import memory, projects, servers

CPU = "CPU seconds"
counted = 0.0
cpu_of_folders = defaultdict[str, float](float)


def cpu_since_last() -> float:
    """Return the CPU seconds of this process, and of its processes that have ended, since the last call."""
    global counted
    before, counted = counted, sum(os.times()[:4])
    return counted - before


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Count the CPU seconds of each test. Fail skipped tests in CI, which has everything that they need."""
    if call.when == "teardown":
        item.user_properties.append((CPU, cpu_since_last()))
    report = yield
    if report.skipped and "CI" in os.environ:
        report.outcome = "failed"
        report.longrepr = f"CI skips nothing. {report.longreprtext}"
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    folder = "/".join(report.nodeid.split("/")[:2])
    if report.when == "teardown":
        cpu_of_folders[folder] += sum(
            value for name, value in report.user_properties if name == CPU and isinstance(value, float)
        )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what each folder cost, without containers and other processes that this run does not wait for."""
    terminalreporter.section(f"{CPU}: {sum(cpu_of_folders.values()):.0f}")
    for folder, seconds in cpu_of_folders.items():
        terminalreporter.write_line(f"{seconds:8.0f} {folder}")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of this run share."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def no_settings_of_the_developer(shared: Path) -> None:
    """Keep the developer's own Copier settings out of the tests."""
    settings = shared / "settings.yml"
    settings.write_text("{}\n")
    os.environ["COPIER_SETTINGS_PATH"] = str(settings)


@pytest.fixture(scope="session", autouse=True)
def templates_are_remembered() -> Iterator[None]:
    """Let Copier compile each template once in each process."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        memory.remember_templates(monkeypatch)
        yield


@pytest.fixture(scope="session")
def template(shared: Path) -> Path:
    """The template as a repository with the release 1.0.0, from the working tree."""
    folder = shared / "template"
    with FileLock(shared / "template.lock"):
        if not folder.exists():
            folder.mkdir()
            projects.snapshot(folder)
    return folder


@pytest.fixture(scope="session")
def environments(shared: Path) -> Path:
    """The folder of the environments of generated projects. Equal ones are installed once."""
    return shared / "environments"


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    """A PostgreSQL server for the tests of one process."""
    with servers.postgres() as server:
        yield server
