"""A project can be updated without trust: an answer changes, a release comes in, the user's work stays."""

import shutil
from pathlib import Path
from typing import Any

import copier
import pytest

from ..harness import projects
from ..harness.commands import git, run


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


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("database", "sqlite"),
        ("server", "asgi"),
        ("use_drf", False),
        ("use_celery", True),
        ("include_example", False),
        ("project_name", "Another Site"),
    ],
)
def test_a_changed_answer_gives_what_a_fresh_copy_gives(
    template: Path, tmp_path: Path, question: str, value: Any
) -> None:
    project = projects.render(template, tmp_path / "project", {"project_slug": "my_site"})
    commit(project, "Start")

    update(project, {question: value})

    fresh = projects.render(template, tmp_path / "fresh", {"project_slug": "my_site", question: value})
    assert projects.files(project) == projects.files(fresh)


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
