"""The commands of docs/ work as written, and docs/updating.md lists correctly which edits an update loses."""

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
from .updating import commit, first_release, move, release_next, replace_by_working_tree, update


def blocks(page: str) -> list[str]:
    """Return the blocks of shell commands of a page in docs/."""
    return re.findall(r"```sh\n(.*?)```", (REPOSITORY / "docs" / page).read_text(), re.DOTALL)


def shell(commands: str, cwd: Path) -> str:
    """Run commands like a user's shell, which continues after a failing one, and return their output."""
    identity = "".join(
        f"export GIT_{role}_NAME=Tests GIT_{role}_EMAIL=tests@example.com\n" for role in ("AUTHOR", "COMMITTER")
    )
    return run(["bash", "-c", f'export PATH="{Path(projects.UV).parent}:$PATH"\n{identity}{commands}'], cwd)


@pytest.mark.slow
def test_updating(tmp_path: Path) -> None:
    check_and_update, look_and_commit, change_answer, *_, list_conflicts, take_side, undo = blocks("updating.md")
    template = first_release(tmp_path / "template")
    project = projects.render(template, tmp_path / "project", NAMES)
    shell("uv sync --quiet && uv run manage.py migrate", project)
    commit(project, "Start")
    release_next(template)

    assert "New template version available" in shell(check_and_update, project)
    printed = shell(look_and_commit, project)
    assert "Europe/Rome" in printed
    assert "\nOK\n" in printed
    assert git(project, "log", "--format=%s", "-1") == "Update from the template\n"
    assert git(project, "status", "--porcelain") == ""

    shell(change_answer, project)
    assert "\nOK\n" in shell(look_and_commit, project)
    assert (project / "my_site" / "celery.py").exists()
    assert 'name = "celery"' in (project / "uv.lock").read_text()

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
@pytest.mark.parametrize("new", ["postgresql", "sqlite"])
def test_data_moves_to_another_database(template: Path, tmp_path: Path, postgres: Postgres, new: str) -> None:
    dump, load = (block for block in blocks("updating.md") if "data.json" in block)
    urls = {"postgresql": postgres.create_database(f"moves-{new}"), "sqlite": f"sqlite:///{tmp_path}/moves.sqlite3"}
    old = "sqlite" if new == "postgresql" else "postgresql"
    project = projects.render(template, tmp_path / "project", NAMES | {"database": old})
    commit(project, "Start")
    before = f"export DATABASE_URL={urls[old]}\n"
    create = "from users.models import User; User.objects.create_user(email='ada@example.com', password='a long one')"
    shell(f'{before}uv run manage.py migrate\nuv run manage.py shell --command "{create}"', project)

    shell(f"{before}{dump}", project)
    commit(project, "Lock")
    update(project, {"database": new})
    after = re.sub(r"DATABASE_URL=\S+", f"DATABASE_URL={urls[new]}", load)
    look = "from users.models import User; print(User.objects.get().check_password('a long one'))"

    assert shell(f'uv sync --quiet\n{after}\nuv run manage.py shell -v 0 --command "{look}"', project).endswith(
        "True\n"
    )


@pytest.mark.slow
def test_teams(tmp_path: Path) -> None:
    export, presets, settings, start, lag, many, bot = blocks("teams.md")
    template = first_release(tmp_path / "template")
    folder = tmp_path / "team"
    folder.mkdir()

    shell(f"{export}\nTEMPLATE={template}\n{presets}\n{settings}\n{start}", folder)
    answers = {
        project: yaml.safe_load((folder / project / ".copier-answers.yml").read_text())
        for project in ("shop-api", "shop", "intranet")
    }
    assert answers["shop-api"].items() >= {"project_name": "Shop API", "use_drf": True}.items()
    assert answers["shop"].items() >= {"project_slug": "shop", "use_celery": True, "use_drf": False}.items()
    assert answers["intranet"].items() >= {"author_name": "Platform team", "update_bot": "renovate"}.items()
    unfinished = projects.render(template, folder / "unfinished", {})
    commit(unfinished, "Start")
    (unfinished / "notes.txt").write_text("Not finished.\n")

    release_next(template)
    base = folder / "shop" / "shop" / "settings" / "base.py"
    base.write_text(base.read_text().replace('TIME_ZONE = "UTC"', 'TIME_ZONE = "Europe/Vienna"'))
    commit(folder / "shop", "Our time")
    printed = shell(lag, folder)
    assert printed.count('"update_available": true, "current_version": "1.0.0", "latest_version": "1.1.0"') == 4

    printed = shell(f"{many}true", folder)
    assert f"{folder}/shop: solve the conflicts" in printed
    assert "Destination repository is dirty" in printed
    assert git(unfinished, "status", "--porcelain") == "?? notes.txt\n"
    for project in ("shop-api", "intranet"):
        assert f"{folder}/{project}: updated to 1.1.0" in printed
        assert git(folder / project, "branch", "--show-current") == "template-1.1.0\n"
        assert 'specifier = ">=15.2,<17"' in git(folder / project, "show", "HEAD:uv.lock")

    replace(template / "template", "Europe/Rome", "Europe/Oslo")
    projects.release(template, "1.2.0")
    assert f"{folder}/intranet: updated to 1.2.0" in shell(f"{many}true", folder)
    assert git(folder / "intranet", "branch", "--show-current") == "template-1.2.0\n"

    shell(bot, folder)
    assert (folder / "intranet" / ".github" / "workflows" / "template.yml").exists()
    assert not (folder / "intranet" / "renovate.json").exists()


PRESETS = sorted(path.stem for path in (REPOSITORY / "presets").iterdir())


@pytest.mark.parametrize("name", PRESETS)
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
    assert said == [answers["database"], answers["server"], *switches]


# One test for each row of the table in docs/updating.md, which lists the edits that an update loses.


def test_edits_are_deleted_with_their_feature_but_git_keeps_them(template: Path, tmp_path: Path) -> None:
    project = projects.render(template, tmp_path / "project", NAMES)
    work.append(project / "people" / "views.py", "\n# ours\n")
    commit(project, "Start")

    update(project, {"include_example": False})

    assert not (project / "people").exists()
    assert "# ours" in git(project, "show", "HEAD:people/views.py")


@pytest.mark.parametrize("given", [{"object_permissions": True}, {"project_name": "Other"}])
def test_an_update_without_deletions_lists_nothing(template: Path, tmp_path: Path, given: dict[str, object]) -> None:
    project = projects.render(template, tmp_path / "project", NAMES)
    commit(project, "Start")
    flags = [f"--data={name}={value}" for name, value in given.items()]

    printed = run(["copier", "update", "--defaults", *flags], project)

    assert "deletes" not in printed
    assert "uv run manage.py migrate" in printed


def test_files_added_to_a_deleted_app_stay_and_git_restores_its_models(template: Path, tmp_path: Path) -> None:
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


def test_edits_in_a_file_that_a_release_deletes(tmp_path: Path) -> None:
    template = first_release(tmp_path / "template")
    project = projects.render(template, tmp_path / "project", NAMES)
    work.append(project / "core" / "tests" / "test_home.py", "\n# ours\n")
    commit(project, "Start")
    (template / "template" / "{{ app_name }}" / "tests" / "test_home.py.jinja").unlink()
    projects.release(template, "1.1.0")

    update(project)

    assert not (project / "core" / "tests" / "test_home.py").exists()
    assert "# ours" in git(project, "show", "HEAD:core/tests/test_home.py")


def test_edits_inside_a_removed_feature_conflict(template: Path, tmp_path: Path) -> None:
    project = projects.render(template, tmp_path / "project", NAMES)
    base = project / "my_site" / "settings" / "base.py"
    base.write_text(base.read_text().replace('"VERSION": "1"', '"VERSION": "2"'))
    commit(project, "Start")

    update(project, {"use_drf": False})

    assert git(project, "diff", "--name-only", "--diff-filter=U") == "my_site/settings/base.py\n"
    assert '"VERSION": "2"' in base.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("tokens_go_first", [False, True])
def test_users_with_tokens_when_the_api_is_removed(
    template: Path, tmp_path: Path, environments: Path, tokens_go_first: bool
) -> None:
    project = projects.render(template, tmp_path / "project", NAMES)
    projects.environment(project, environments)
    commit(project, "Start")

    def manage(*arguments: str, fails: bool = False) -> str:
        python = projects.environment(project, environments) / "python"
        return run([python, "manage.py", *arguments], project, fails=fails)

    manage("migrate")
    create = "from users.models import User; user = User.objects.create_user('ada@example.com', 'a long password')"
    manage(
        "shell",
        "--command",
        f"{create}; from knox.models import AuthToken; AuthToken.objects.create(user)",
    )
    if tokens_go_first:
        manage("migrate", "knox", "zero")
        manage("migrate", "token_stamps", "zero")

    update(project, {"use_drf": False})

    delete = "from users.models import User; User.objects.get().delete()"
    printed = manage("shell", "--command", delete, fails=not tokens_go_first)
    assert ("FOREIGN KEY constraint failed" in printed) is not tokens_go_first


@pytest.mark.slow
def test_tokens_of_earlier_releases_work_on(template: Path, tmp_path: Path, environments: Path) -> None:
    project = projects.render(template, tmp_path / "project", NAMES)
    python = projects.environment(project, environments) / "python"
    (project / "earlier.py").write_text(
        "from my_site.settings.development import *\n"
        "from my_site.settings.development import INSTALLED_APPS\n"
        'INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework.authtoken"]\n'
    )

    def manage(*arguments: str, settings: str = "my_site.settings.development") -> str:
        return run([python, "manage.py", *arguments], project, {"DJANGO_SETTINGS_MODULE": settings})

    def python_of(code: str, settings: str = "my_site.settings.development") -> str:
        return manage("shell", "--no-imports", "--command", code, settings=settings)

    manage("migrate", "token_stamps", "0001", settings="earlier")
    manage("migrate", "authtoken", settings="earlier")
    manage("migrate", "axes", settings="earlier")
    key = "0123456789abcdef0123456789abcdef01234567"
    create = "from users.models import User; user = User.objects.create_user('ada@example.com', 'a long password')"
    token = "from rest_framework.authtoken.models import Token"
    python_of("from users.models import User; User.objects.create_user('bo@example.com')", settings="earlier")
    python_of(f"{create}\n{token}\nToken.objects.create(user=user, key={key!r})", settings="earlier")

    manage("migrate")

    call = f"""
from django.test import Client
print("answers", Client().get("/api/me/", headers={{"authorization": "Token {key}", "host": "localhost"}}).status_code)
"""
    assert "answers 200" in python_of(call)
    count = "from my_site.api.models import TokenStamp; print(TokenStamp.objects.count(), 'stamps')"
    assert "2 stamps" in python_of(count)
    python_of("from users.models import User; User.objects.all().delete()")
    assert "answers 401" in python_of(call)


def test_changes_do_not_reach_a_file_that_the_user_renamed(tmp_path: Path) -> None:
    template = first_release(tmp_path / "template")
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
    template = first_release(tmp_path / "template")
    release_next(template)
    project = projects.render(template, tmp_path / "project", NAMES)
    commit(project, "Start")

    printed = run(["copier", "update", "--defaults", "--vcs-ref=1.0.0"], project, fails=True)

    assert "Downgrades are not supported" in printed
    assert git(project, "status", "--porcelain") == ""


def test_every_file_of_the_template_is_text() -> None:
    """Copier merges only text. Each update would revert a user's change to a binary file."""
    for path in (REPOSITORY / "template").rglob("*"):
        if path.is_file():
            path.read_text(encoding="utf-8")
