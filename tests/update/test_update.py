"""A project can be updated without trust: an answer changes, a release comes in, the user's work stays."""

import shutil
from pathlib import Path
from typing import Any

import copier
import pytest

from ..harness import projects
from ..harness.answers import values
from ..harness.commands import git, run
from .flips import BASES, EDITS, FIXED, NAMES, flips


def commit(project: Path, message: str) -> None:
    git(project, "init", "--quiet")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message", message)


def update(project: Path, answers: dict[str, Any] | None = None) -> None:
    """Run what `copier update --defaults --data ...` runs, without trust."""
    copier.run_update(project, data=answers or {}, defaults=True, overwrite=True, quiet=True, unsafe=False)


def assert_no_conflict(project: Path) -> None:
    for name, content in projects.files(project).items():
        assert not name.endswith(".rej"), name
        assert b"<<<<<<<" not in content, name


@pytest.mark.slow
@pytest.mark.parametrize(("base", "question", "value"), flips())
def test_a_changed_answer_gives_what_a_fresh_copy_gives(
    template: Path, tmp_path: Path, base: str, question: str, value: Any
) -> None:
    answers = NAMES | BASES[base]
    project = projects.render(template, tmp_path / "project", answers)
    commit(project, "Start")

    update(project, {question: value})

    fresh = projects.render(template, tmp_path / "fresh", answers | {question: value})
    assert projects.files(project) == projects.files(fresh)
    folders = [path for path in project.rglob("*") if path.is_dir() and ".git" not in path.parts]
    assert [folder for folder in folders if not list(folder.iterdir())] == []


@pytest.mark.slow
@pytest.mark.parametrize(("base", "question", "value"), flips())
def test_the_users_work_survives_a_changed_answer(
    template: Path, tmp_path: Path, base: str, question: str, value: Any
) -> None:
    answers = NAMES | BASES[base]
    project = projects.render(template, tmp_path / "project", answers)
    for edit in EDITS:
        edit(project)
    commit(project, "Start, with work of our own")

    update(project, {question: value})

    fresh = projects.render(template, tmp_path / "fresh", answers | {question: value})
    for edit in EDITS:
        edit(fresh)
    assert_no_conflict(project)
    found, wanted = projects.files(project), projects.files(fresh)
    if question == "include_example":
        # An example that comes has no edits yet; one that goes leaves what the user added.
        found, wanted = (
            {name: content for name, content in written.items() if not name.startswith("people/")}
            for written in (found, wanted)
        )
    assert found == wanted


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize(
    ("question", "value"), [("project_slug", "other"), ("app_name", "other"), ("user_model", None)]
)
def test_what_cannot_change_is_refused(
    template: Path, tmp_path: Path, base: str, question: str, value: str | None
) -> None:
    answers = NAMES | BASES[base]
    project = projects.render(template, tmp_path / "project", answers)
    commit(project, "Start")
    before = projects.files(project)
    old = str(answers.get(question, "email"))
    new = value or next(model for model in values("user_model") if model != old)

    # A data file may give every answer, the unchanged ones too.
    everything = {name: value for name, value in answers.items() if name not in FIXED}
    with pytest.raises(ValueError, match=f'{question} is "{old}" in this project and cannot change') as refused:
        update(project, everything | {question: new})

    assert "\n" not in str(refused.value)
    assert projects.files(project) == before
    update(project, {question: old})
    assert projects.files(project) == before


def test_the_first_copy_does_not_ask_for_old_answers(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither when later answers are given, nor for a destination above the working folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    given = {"include_example": False, "use_celery": True, "description": "Given."}

    projects.render(template, Path("../project"), given)

    assert (tmp_path / "project" / "manage.py").exists()


def test_a_release_comes_in_and_the_users_work_stays(template: Path, tmp_path: Path) -> None:
    newer = tmp_path / "template"
    shutil.copytree(template, newer)
    project = projects.render(newer, tmp_path / "project", {})
    (project / "README.md").write_text((project / "README.md").read_text() + "\n## Our own part\n")
    settings = project / "my_site" / "settings" / "base.py"
    settings.write_text(
        settings.read_text().replace(
            "    # Your own apps go below this line.\n", '    # Your own apps go below this line.\n    "shop",\n'
        )
    )
    commit(project, "Start, with work of our own")
    source = newer / "template" / "{{ project_slug }}" / "settings" / "base.py.jinja"
    source.write_text(source.read_text().replace('TIME_ZONE = "UTC"', 'TIME_ZONE = "Europe/Rome"'))
    git(newer, "commit", "--all", "--quiet", "--message", "Release 1.1.0")
    git(newer, "tag", "1.1.0")

    update(project)

    assert_no_conflict(project)
    assert 'TIME_ZONE = "Europe/Rome"' in settings.read_text()
    assert '"shop",' in settings.read_text()
    assert "Our own part" in (project / "README.md").read_text()
    assert "_commit: 1.1.0" in (project / ".copier-answers.yml").read_text()


def test_the_command_of_the_readme(template: Path, tmp_path: Path) -> None:
    run(["copier", "copy", "--defaults", "--quiet", str(template), "project"], tmp_path)
    project = tmp_path / "project"
    commit(project, "Start")

    run(["copier", "update", "--defaults", "--quiet", "--data", "use_celery=true"], project)

    assert (project / "my_site" / "celery.py").exists()
    assert_no_conflict(project)
