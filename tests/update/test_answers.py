"""After a change of answers, the project equals a fresh copy. The user's work and data stay."""

import re
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import copier
import copier._main
import pytest
import yaml

from ..harness import projects, work
from ..harness.answers import Answers, pairwise, questions, settle, values
from ..harness.commands import git, run
from ..harness.servers import Postgres
from .flips import NAMES, bases, flips, starts, walk
from .live import check_data, put_data_in
from .updating import assert_no_conflict, assert_same, commit, made_once, update


def is_in(name: str, listed: str) -> bool:
    return name == listed or (listed.endswith("/") and name.startswith(listed))


def assert_names_exactly(text: str, gone: set[str], project: Path, *, beside: set[str] | None = None) -> None:
    """Check that a text lists exactly the deleted files and folders. beside: files that stay in these folders."""
    listed = re.findall(r"^    (\S+)$", text, re.MULTILINE)
    named = {name: [path for path in listed if is_in(name, path)] for name in gone}
    assert all(len(paths) == 1 for paths in named.values()), (gone, listed)
    assert {path for paths in named.values() for path in paths} == set(listed)
    kept = git(project, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    assert {name for name in kept for path in listed if is_in(name, path) and (project / name).exists()} == (
        beside or set()
    )
    assert ("This update deletes, with your changes:\n" in text) is bool(gone)


@pytest.mark.parametrize(
    "given",
    [
        {"use_drf": "no"},
        pytest.param({"deployment": "[docker]", "object_permissions": "off"}, marks=pytest.mark.slow),
        pytest.param({"accounts": "none", "include_example": False}, marks=pytest.mark.slow),
    ],
)
def test_an_update_lists_deleted_files_before_anything_changes(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: Answers
) -> None:
    """The last question of an update lists the files to delete. An update with --defaults prints the same list."""
    project = projects.render(template, tmp_path / "[project]", NAMES | bases()["largest"])
    commit(project, "Start")
    before = projects.files(project)
    shown = []

    def look_and_stop(asked: list[dict[str, Any]], answers: Answers) -> Answers:
        if asked[0]["name"] == "delete_files" and asked[0]["when"](answers):
            shown.append(asked[0]["message"])
            raise KeyboardInterrupt
        return answers

    monkeypatch.setattr(copier._main, "unsafe_prompt", look_and_stop)
    with pytest.raises(KeyboardInterrupt):
        copier.run_update(project, data=given, overwrite=True, quiet=True)
    assert projects.files(project) == before

    flags = [f"--data={question}={answer}" for question, answer in given.items()]
    said = run(["copier", "update", "--defaults", *flags], project)
    after = projects.files(project)
    assert_names_exactly(shown[0], before.keys() - after.keys(), project)
    assert re.findall(r"^    \S+$", shown[0], re.MULTILINE) == re.findall(
        r"^    \S+$", said.split("Keeping")[0], re.MULTILINE
    )
    assert [line for line in shown[0].splitlines() if len(line) > 77] == []


def test_a_file_of_the_user_is_not_listed(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file has a path that belongs to a feature, but the project does not have that feature."""
    project = projects.render(template, tmp_path / "project", NAMES)
    work.write(project / "core" / "tasks.py", "# ours\n")
    commit(project, "Start")
    asked = []

    def take_the_default(questions: list[dict[str, Any]], answers: Answers) -> Answers:
        if questions[0]["when"](answers):
            asked.append(questions[0]["name"])
        return answers

    monkeypatch.setattr(copier._main, "unsafe_prompt", take_the_default)
    copier.run_update(project, data={"description": "Ours."}, overwrite=True, quiet=True)

    assert "use_celery" in asked
    assert "delete_files" not in asked
    assert (project / "core" / "tasks.py").read_text() == "# ours\n"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_many_changes_give_what_a_fresh_copy_gives(template: Path, tmp_path: Path, seed: int) -> None:
    start, steps, end = walk(seed, length=8)
    project = projects.render(template, tmp_path / "project", NAMES | start)
    commit(project, "Start")

    for question, value in steps:
        update(project, {question: value})
        commit(project, f"Change {question}")

    assert_same(project, projects.render(template, tmp_path / "fresh", NAMES | end))


@pytest.mark.slow
@pytest.mark.parametrize(("base", "question", "value"), flips())
def test_a_changed_answer_gives_what_a_fresh_copy_gives_with_the_users_work_and_data(
    template: Path,
    shared: Path,
    tmp_path: Path,
    environments: Path,
    capsys: pytest.CaptureFixture[str],
    base: str,
    question: str,
    value: Any,
) -> None:
    """Only the user's tests run: test_a_database_survives_every_pair_of_answers runs all tests with the same work."""
    answers = NAMES | starts()[base]

    def start(project: Path) -> None:
        projects.render(template, project, answers)
        work.do_all(project)
        put_data_in(project, projects.environment(project, environments), {})
        commit(project, "Start, with work of our own")

    project = made_once(shared / "used" / base, tmp_path / "project", start)
    before = projects.files(project).keys()
    had_example = (project / "people").exists()
    # Edits of files that not every project has.
    edits = {
        work.change_example: "people",
        work.change_programs: "deploy/supervisor",
        work.change_containers: "compose.yaml",
    }
    without = [edit for edit, path in edits.items() if not (project / path).exists()]

    update(project, {question: value}, quiet=False)

    assert_no_conflict(project)
    fresh = projects.render(template, tmp_path / "fresh", settle(answers | {question: value}))
    work.do_all(fresh, *without)
    # A file that the user added to a deleted app stays.
    left = {"people/migrations/0002_person_nickname.py"} if had_example and not (fresh / "people").exists() else set()
    assert_same(project, fresh, beside=left)
    said = capsys.readouterr().err.partition("Keeping template version")[0]
    assert_names_exactly(said, before - projects.files(project).keys(), project, beside=left)
    programs = projects.environment(project, environments)
    check_data(project, programs, {}, people=had_example)
    assert "OK" in run([programs / "python", "manage.py", "test", *work.TESTS], project)


@pytest.mark.slow
@pytest.mark.parametrize("use_celery", [False, True])
def test_a_line_of_the_user_stays_in_its_program(template: Path, tmp_path: Path, use_celery: bool) -> None:
    """Supervisor's programs look alike. git must not confuse them when some come or go."""
    answers = NAMES | {"deployment": ["nginx_supervisor"], "use_celery": use_celery}
    project = projects.render(template, tmp_path / "project", answers)
    work.change_programs(project)
    commit(project, "Start, with a line of our own")

    update(project, {"use_celery": not use_celery})

    programs = ConfigParser(interpolation=None)
    programs.read(project / "deploy" / "supervisor" / "programs.conf")
    changed = [name for name in programs.sections() if "stdout_logfile_maxbytes" in programs[name]]
    assert changed == ["program:my_site-web"]


@pytest.mark.slow
@pytest.mark.parametrize("user_model", values("user_model"))
def test_a_database_survives_every_pair_of_answers(
    template: Path, tmp_path: Path, environments: Path, postgres: Postgres, user_model: str
) -> None:
    """For each user model, a project with work and data is updated from row to row of the covering array."""
    rows = [row for row in pairwise("database") if row["user_model"] == user_model]
    project = projects.render(template, tmp_path / "project", NAMES | {"user_model": user_model})
    variables = {"DATABASE_URL": postgres.create_database(f"live-{user_model}")}
    work.do_all(project, work.change_example)  # the example is removed and added on the way
    put_data_in(project, projects.environment(project, environments), variables)
    commit(project, "Start, with work of our own")

    for row in rows:
        update(project, row)
        assert_no_conflict(project)
        programs = projects.environment(project, environments)
        check_data(project, programs, variables, people=True)
        assert "OK" in run([programs / "python", "manage.py", "test"], project, variables)
        commit(project, "Update")


@pytest.mark.parametrize(
    "base", ["default", *(pytest.param(base, marks=pytest.mark.slow) for base in bases() if base != "default")]
)
@pytest.mark.parametrize(
    ("question", "value"), [("project_slug", "other"), ("app_name", "other"), ("user_model", None)]
)
def test_fixed_answers_cannot_change(
    template: Path, tmp_path: Path, base: str, question: str, value: str | None
) -> None:
    answers = NAMES | starts()[base]
    project = projects.render(template, tmp_path / "project", answers)
    commit(project, "Start")
    before = projects.files(project)
    old = str(answers.get(question, "email"))
    new = value or next(model for model in values("user_model") if model != old)

    # A data file may also contain unchanged answers.
    stored = yaml.safe_load((project / ".copier-answers.yml").read_text())
    everything = {name: answer for name, answer in stored.items() if name in questions()}
    for given in ({}, everything):
        with pytest.raises(ValueError, match=f'{question} is "{old}" in this project and cannot change') as refused:
            update(project, given | {question: new})

        assert "\n" not in str(refused.value)
        assert projects.files(project) == before
    update(project, {question: old})
    assert projects.files(project) == before


def test_the_first_copy_does_not_ask_for_old_answers(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers to later questions, or a destination above the working folder, make no difference."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    given = {"include_example": False, "use_celery": True, "description": "Given."}

    projects.render(template, Path("../project"), given)

    assert (tmp_path / "project" / "manage.py").exists()


@pytest.mark.slow
def test_the_command_of_the_readme(template: Path, tmp_path: Path) -> None:
    run(["copier", "copy", "--defaults", "--quiet", str(template), "project"], tmp_path)
    project = tmp_path / "project"
    commit(project, "Start")

    run(["copier", "update", "--defaults", "--quiet", "--data", "use_celery=true"], project)

    assert (project / "my_site" / "celery.py").exists()
    assert_no_conflict(project)
