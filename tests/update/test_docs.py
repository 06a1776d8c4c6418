"""The commands of docs/updating.md and docs/teams.md, as they stand there, and what they say an update cannot keep."""

import re
from pathlib import Path

import pytest
import yaml

from ..harness import projects, work
from ..harness.answers import REPOSITORY, questions
from ..harness.commands import git, run
from ..harness.projects import replace
from ..harness.servers import Postgres
from .flips import NAMES
from .test_releases import move, replace_by_working_tree
from .updating import commit, update


def blocks(page: str) -> list[str]:
    """Return the shell commands of a page in docs/, block by block."""
    return re.findall(r"```sh\n(.*?)```", (REPOSITORY / "docs" / page).read_text(), re.DOTALL)


def shell(commands: str, cwd: Path) -> str:
    """Run commands as a user does, with uv on the path and a name for commits."""
    identity = "export GIT_{0}_NAME=Tests GIT_{0}_EMAIL=tests@example.com\n"
    prelude = f'export PATH="{Path(projects.UV).parent}:$PATH"\n' + "".join(
        identity.format(role) for role in ("AUTHOR", "COMMITTER")
    )
    return run(["bash", "-euo", "pipefail", "-c", prelude + commands], cwd)


def two_releases(tmp_path: Path) -> Path:
    """Return a template of which 1.1.0 is to be released by `release_next`."""
    template = tmp_path / "template"
    projects.working_tree(template)
    projects.release(template, "1.0.0")
    return template


def release_next(template: Path) -> None:
    replace(template / "template", 'TIME_ZONE = "UTC"', 'TIME_ZONE = "Europe/Rome"')
    projects.release(template, "1.1.0")


@pytest.mark.slow
def test_updating(tmp_path: Path, postgres: Postgres) -> None:
    check_and_update, look_and_commit, change_answer, move_data, list_conflicts, take_side, undo = blocks("updating.md")
    template = two_releases(tmp_path)
    project = projects.render(template, tmp_path / "project", NAMES)
    shell("uv sync --quiet", project)
    commit(project, "Start")
    release_next(template)

    assert "New template version available" in shell(check_and_update, project)
    assert "Europe/Rome" in shell(look_and_commit, project)
    assert git(project, "status", "--porcelain") == ""

    shell(change_answer, project)
    assert (project / "my_site" / "celery.py").exists()
    commit(project, "Change an answer")

    create = "from users.models import User; User.objects.create_user(email='ada@example.com', password='a long one')"
    shell(f'uv run --quiet manage.py migrate && uv run manage.py shell --command "{create}"', project)
    url = postgres.create_database("moved")
    moved = re.sub(r"DATABASE_URL=\S+", f"DATABASE_URL={url}", move_data)
    look = "from users.models import User; print(User.objects.get().check_password('a long one'))"
    assert "True" in shell(f'{moved}\nuv run manage.py shell --command "{look}"', project)
    (project / "data.json").unlink()

    (project / "README.md").write_text("# Ours\n")
    commit(project, "A README of our own")
    update(project, {"description": "Theirs."})
    assert shell(list_conflicts, project) == "README.md\n"
    shell(take_side, project)
    assert (project / "README.md").read_text() == "# Ours\n"
    shell(undo, project)
    assert git(project, "status", "--porcelain") == ""
    assert "A Django project." in (project / "my_site" / "settings" / "base.py").read_text()
    assert (project / "db.sqlite3").exists()


@pytest.mark.slow
def test_teams(tmp_path: Path) -> None:
    export, presets, settings, start, lag, many, bot = blocks("teams.md")
    template = two_releases(tmp_path)
    folder = tmp_path / "team"
    folder.mkdir()
    variables = f"{export}\nTEMPLATE={template}\n"

    shell(f"{variables}\n{presets}\n{settings}\n{start}", folder)
    answers = {
        project: yaml.safe_load((folder / project / ".copier-answers.yml").read_text())
        for project in ("shop-api", "shop", "intranet")
    }
    assert answers["shop-api"].items() >= {"project_name": "Shop API", "use_drf": True}.items()
    assert answers["shop"].items() >= {"project_slug": "shop", "use_celery": True, "use_drf": False}.items()
    assert answers["intranet"].items() >= {"author_name": "Platform team", "update_bot": "renovate"}.items()

    release_next(template)
    base = folder / "shop" / "shop" / "settings" / "base.py"
    base.write_text(base.read_text().replace('TIME_ZONE = "UTC"', 'TIME_ZONE = "Europe/Vienna"'))
    commit(folder / "shop", "Our time")
    printed = shell(lag, folder)
    assert printed.count('"update_available": true, "current_version": "1.0.0", "latest_version": "1.1.0"') == 3

    printed = shell(many, folder)
    assert f"{folder}/shop: solve the conflicts" in printed
    for project in ("shop-api", "intranet"):
        assert f"{folder}/{project}: updated" in printed
        assert "_commit: 1.1.0" in (folder / project / ".copier-answers.yml").read_text()
        assert git(folder / project, "branch", "--show-current") == "template-update\n"

    shell(bot, folder)
    assert (folder / "intranet" / ".github" / "workflows" / "template.yml").exists()
    assert not (folder / "intranet" / "renovate.json").exists()


@pytest.mark.parametrize("name", ["minimal", "api", "web", "full"])
def test_presets_are_what_the_page_says(name: str) -> None:
    answers = yaml.safe_load((REPOSITORY / "presets" / f"{name}.yml").read_text())
    row = next(
        line
        for line in (REPOSITORY / "docs" / "teams.md").read_text().splitlines()
        if line.startswith(f"| `{name}.yml`")
    )

    assert answers.keys() <= questions().keys()
    said = [cell.strip().lower() for cell in row.split("|")[2:-1]]
    switches = ["yes" if answers[switch] else "no" for switch in ("use_drf", "use_celery", "include_example")]
    assert said == [answers["database"], *switches]


def test_every_preset_is_listed() -> None:
    assert {path.stem for path in (REPOSITORY / "presets").iterdir()} == {"minimal", "api", "web", "full"}


# What an update cannot keep: a row of the table in docs/updating.md each.


def test_edits_go_with_their_feature_and_git_has_them(template: Path, tmp_path: Path) -> None:
    project = projects.render(template, tmp_path / "project", NAMES)
    work.append(project / "people" / "views.py", "\n# ours\n")
    commit(project, "Start")

    printed = run(["copier", "update", "--defaults", "--data", "include_example=false"], project)

    assert not (project / "people").exists()
    assert printed.index("include_example goes off. That deletes the app people") < printed.index("Keeping template")
    assert "# ours" in git(project, "show", "HEAD:people/views.py")


@pytest.mark.parametrize("given", [{"use_celery": True}, {"project_name": "Other"}])
def test_nothing_is_said_to_go_when_nothing_goes(template: Path, tmp_path: Path, given: dict[str, object]) -> None:
    project = projects.render(template, tmp_path / "project", NAMES)
    commit(project, "Start")
    flags = [f"--data={name}={value}" for name, value in given.items()]

    printed = run(["copier", "update", "--defaults", *flags], project)

    assert "goes off" not in printed
    assert "uv run manage.py migrate" in printed


def test_files_added_to_an_app_that_goes_stay_and_models_come_back_by_hand(template: Path, tmp_path: Path) -> None:
    project = projects.render(template, tmp_path / "project", NAMES)
    work.change_example(project)
    commit(project, "Start")

    update(project, {"include_example": False})
    commit(project, "Without the example")
    assert [path.name for path in (project / "people").rglob("*.py")] == ["0002_person_nickname.py"]

    update(project, {"include_example": True})
    assert "nickname" not in (project / "people" / "models.py").read_text()
    git(project, "checkout", "HEAD~1", "--", "people")
    assert "nickname" in (project / "people" / "models.py").read_text()


@pytest.mark.parametrize("moved_first", [False, True])
def test_edits_in_a_file_that_a_release_moves(tmp_path: Path, moved_first: bool) -> None:
    template, project = tmp_path / "template", tmp_path / "project"
    projects.working_tree(template)
    move(template, "health", "probes")
    projects.release(template, "1.0.0")
    projects.render(template, project, NAMES)
    work.append(project / "my_site" / "probes.py", "\n# ours\n")
    commit(project, "Start")
    if moved_first:
        git(project, "mv", "my_site/probes.py", "my_site/health.py")
        commit(project, "Move what the release is going to move")
    replace_by_working_tree(template)
    projects.release(template, "1.1.0")

    update(project)

    assert not (project / "my_site" / "probes.py").exists()
    assert ("# ours" in (project / "my_site" / "health.py").read_text()) is moved_first


def test_edits_in_a_file_that_a_release_takes_away(tmp_path: Path) -> None:
    template = two_releases(tmp_path)
    project = projects.render(template, tmp_path / "project", NAMES)
    work.append(project / "core" / "tests" / "test_login.py", "\n# ours\n")
    commit(project, "Start")
    (template / "template" / "{{ app_name }}" / "tests" / "test_login.py").unlink()
    projects.release(template, "1.1.0")

    update(project)

    assert not (project / "core" / "tests" / "test_login.py").exists()
    assert "# ours" in git(project, "show", "HEAD:core/tests/test_login.py")


def test_changes_do_not_reach_a_file_that_the_user_renamed(tmp_path: Path) -> None:
    template = two_releases(tmp_path)
    project = projects.render(template, tmp_path / "project", NAMES)
    settings = project / "my_site" / "settings"
    commit(project, "Start")
    (settings / "base.py").rename(settings / "common.py")
    commit(project, "Rename")
    release_next(template)

    update(project)

    assert not (settings / "base.py").exists()
    assert 'TIME_ZONE = "UTC"' in (settings / "common.py").read_text()


def test_a_downgrade_is_refused(tmp_path: Path) -> None:
    template = two_releases(tmp_path)
    release_next(template)
    project = projects.render(template, tmp_path / "project", NAMES)
    commit(project, "Start")

    printed = run(["copier", "update", "--defaults", "--vcs-ref=1.0.0"], project, fails=True)

    assert "Downgrades are not supported" in printed
    assert git(project, "status", "--porcelain") == ""


def test_every_file_of_the_template_is_text() -> None:
    """Copier merges text; a binary file that a user changed would come back at every update."""
    for path in (REPOSITORY / "template").rglob("*"):
        if path.is_file():
            path.read_text(encoding="utf-8")
