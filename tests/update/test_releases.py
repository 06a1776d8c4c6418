"""After an update from an earlier release, the project equals a fresh copy. The user's work and data stay."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..harness import macros, projects, work
from ..harness.answers import REPOSITORY, Answers
from ..harness.commands import run
from ..harness.projects import replace
from ..project.checks import check_code, check_tests
from .flips import NAMES, bases
from .live import check_data, put_data_in
from .updating import assert_no_conflict, assert_same, commit, move, replace_by_working_tree


def what_bots_run(project: Path, version: str) -> None:
    run(["copier", "update", "--skip-answered", "--defaults", "--quiet", "--vcs-ref", version], project)


def start(template: Path, project: Path, answers: Answers, environments: Path, *without: work.Edit) -> None:
    """Create and commit a project of the release 0.1.0, with data, and with the user's work, except some edits."""
    known = yaml.safe_load((template / "copier.yml").read_text())
    given = {name: value for name, value in (NAMES | answers).items() if name in known}
    projects.render(template, project, given, vcs_ref="0.1.0")
    work.do_all(project, *without)
    put_data_in(project, projects.environment(project, environments), {})
    commit(project, "Start, with work of our own")


# The newest release with every base, older releases with one.
STARTS = [(ref, "default") for ref in projects.releases()[:-1]] + [(projects.releases()[-1], base) for base in bases()]


@pytest.mark.slow
@pytest.mark.parametrize(("ref", "base"), STARTS)
def test_a_project_of_an_earlier_release_is_updated(tmp_path: Path, environments: Path, ref: str, base: str) -> None:
    template, project = tmp_path / "template", tmp_path / "project"
    projects.past(template, ref)
    projects.release(template, "0.1.0")
    # The releases in EARLIER had no place for these edits.
    later = [
        work.change_readme,
        work.add_readme_sections,
        work.list_app_in_readme,
        work.bump_version,
        work.add_redirect,
        work.list_public_pages,
    ]
    without = later if ref in projects.EARLIER else []
    start(template, project, bases()[base], environments, *without)
    replace_by_working_tree(template)
    projects.release(template, "1.0.0")

    what_bots_run(project, "1.0.0")

    assert_no_conflict(project)
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    fresh = projects.render(template, tmp_path / "fresh", {k: v for k, v in answers.items() if not k.startswith("_")})
    work.do_all(fresh, *without)
    assert_same(project, fresh)
    for edit in without:
        edit(project)
    programs = projects.environment(project, environments)
    check_data(project, programs, {}, people=(project / "people").exists())
    check_code(project, programs)
    check_tests(project, programs, {})


def change_questions(template: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = template / "copier.yml"
    questions = yaml.safe_load(path.read_text())
    change(questions)
    path.write_text(yaml.safe_dump(questions, allow_unicode=True, sort_keys=False))


def make_older(template: Path) -> None:
    """Turn the current template into an older one, whose next release is the current one."""

    def change(questions: dict[str, Any]) -> None:
        questions["server"]["choices"]["ASGI with daphne"] = "daphne"
        questions["use_asgi"]["default"] = "{{ server != 'wsgi' }}"
        questions["include_example"]["default"] = False

    replace(template, "use_drf", "use_api")
    change_questions(template, change)
    move(template, "health", "probes")
    replace(template, "django-extensions>=4.1,<5", "django-extensions>=4,<5")


def bridge(template: Path) -> None:
    """Add the bridges that CONTRIBUTING.md asks for to the current template."""
    macro = "{% from 'extensions/updates.jinja' import answer_before with context %}"

    def change(questions: dict[str, Any]) -> None:
        questions["use_drf"]["default"] = macro + "{{ answer_before('use_api', true) }}"
        questions["server"]["default"] = macro + (
            "{{ 'asgi' if answer_before('server', 'wsgi') == 'daphne' else 'wsgi' }}"
        )

    change_questions(template, change)


@pytest.mark.slow
@pytest.mark.parametrize("api", [True, False])
def test_an_update_applies_all_kinds_of_changes_of_a_release(tmp_path: Path, environments: Path, api: bool) -> None:
    """A question is renamed, a choice is removed, a module moves, a default changes, a dependency has new bounds."""
    template, project = tmp_path / "template", tmp_path / "project"
    projects.working_tree(template)
    make_older(template)
    projects.release(template, "0.1.0")
    start(template, project, {"use_api": api, "server": "daphne"}, environments)
    replace_by_working_tree(template)
    bridge(template)
    projects.release(template, "1.0.0")

    what_bots_run(project, "1.0.0")

    assert_no_conflict(project)
    answers = NAMES | {"use_drf": api, "server": "asgi", "include_example": False}
    fresh = projects.render(template, tmp_path / "fresh", answers)
    work.do_all(fresh)
    assert_same(project, fresh)
    programs = projects.environment(project, environments)
    check_data(project, programs, {}, people=False)
    check_code(project, programs)
    check_tests(project, programs, {})


def test_a_first_copy_takes_the_default_behind_a_bridge(tmp_path: Path) -> None:
    template = tmp_path / "template"
    projects.working_tree(template)
    bridge(template)
    projects.release(template, "1.0.0")

    project = projects.render(template, tmp_path / "project", {})

    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert (answers["use_drf"], answers["server"]) == (True, "wsgi")


def migrations(template: Path) -> dict[str, bytes]:
    return {path.relative_to(template).as_posix(): path.read_bytes() for path in template.rglob("migrations/[0-9]*")}


@pytest.mark.parametrize("ref", projects.releases())
def test_released_migrations_never_change(tmp_path: Path, ref: str) -> None:
    """Databases have applied them, and users have added migrations after them. Put new tables into a new app."""
    projects.past(tmp_path / "past", ref)
    projects.working_tree(tmp_path / "now")

    released, now = migrations(tmp_path / "past"), migrations(tmp_path / "now")

    assert released
    apps = {Path(name).parent for name in released}
    assert {name: content for name, content in now.items() if Path(name).parent in apps} == released


def test_migrations_depend_on_no_answer(tmp_path: Path) -> None:
    projects.working_tree(tmp_path / "now")

    assert [name for name in migrations(tmp_path / "now") if name.endswith(".jinja")] == []


def test_a_project_keeps_a_name_that_a_later_release_reserves(tmp_path: Path) -> None:
    template, project = tmp_path / "template", tmp_path / "project"
    projects.working_tree(template)
    projects.release(template, "0.1.0")
    projects.render(template, project, {"project_slug": "mall", "app_name": "shop"})
    commit(project, "Start")
    replace(template / "extensions", "zmq zstandard", "zmq zstandard mall shop")
    projects.release(template, "1.0.0")

    what_bots_run(project, "1.0.0")

    assert (project / "mall" / "urls.py").exists()
    assert (project / "shop" / "urls.py").exists()
    with pytest.raises(ValueError, match='"shop" is'):
        projects.render(template, tmp_path / "other", {"app_name": "shop"})


def test_exclude_accepts_the_answers_of_an_older_release() -> None:
    """Before each update, Copier also renders the new _exclude with the answers and macros of the older release."""
    [entry] = yaml.safe_load((REPOSITORY / "copier.yml").read_text())["_exclude"]

    def left_out(template: Path, answers: Answers) -> str:
        return macros.environment(template).from_string(entry).render(NAMES | {"_copier_answers": answers}).strip()

    assert left_out(REPOSITORY, {}) == ""
    assert left_out(REPOSITORY, {"use_celery": False}) != ""
    assert left_out(REPOSITORY / "docs", {"use_celery": False}) == ""


def test_each_entry_of_the_changelog_says_what_to_do() -> None:
    entries = (REPOSITORY / "CHANGELOG.md").read_text().split("\n## ")[1:]

    assert entries
    assert [entry.splitlines()[0] for entry in entries if "\nWhat to do: " not in entry] == []
