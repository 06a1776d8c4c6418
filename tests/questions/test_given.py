"""Answers from --data and data files: invalid ones are refused, and texts at the prompt fit a terminal."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ..harness import projects
from ..harness.answers import questions
from ..harness.commands import run
from ..update.updating import commit, update
from .refusals import refusal

SWITCHES = [name for name, definition in questions().items() if definition["type"] == "bool"]


@pytest.mark.parametrize("word", ["maybe", "2", "yess", "disabled"])
@pytest.mark.parametrize("question", SWITCHES)
def test_a_yes_no_question_refuses_other_words(template: Path, tmp_path: Path, question: str, word: str) -> None:
    message = refusal(template, tmp_path, {question: word}, "project_name")

    assert message.endswith(f'"{word}" is neither yes nor no: answer {question} with yes or no.')


def test_an_answer_that_needs_another_is_refused(template: Path, tmp_path: Path) -> None:
    message = refusal(template, tmp_path, {"use_drf": False, "oauth2_provider": True}, "oauth2_provider")

    assert message.endswith("oauth2_provider opens the API to other programs: it needs use_drf.")


@pytest.mark.parametrize("given", ["docker", "", "none", "nginx_supervisor, docker", True])
def test_a_multiple_choice_question_refuses_a_single_value(template: Path, tmp_path: Path, given: object) -> None:
    message = refusal(template, tmp_path, {"deployment": given}, "project_name")

    assert "is not a list: answer deployment with a list of its choices, like [a, b], or with []." in message


def test_a_multiple_choice_question_refuses_an_unknown_choice(template: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'deployment': 'dokcer' is not in \['nginx_supervisor', 'docker'\]"):
        projects.render(template, tmp_path / "project", {"deployment": "[dokcer]"})

    assert not (tmp_path / "project").exists()


@pytest.mark.parametrize(("word", "on"), [("yes", True), ("On", True), ("1", True), ("no", False), ("OFF", False)])
def test_words_for_yes_and_no(template: Path, tmp_path: Path, word: str, on: bool) -> None:
    project = projects.render(template, tmp_path / "project", {"accounts": "allauth"} | dict.fromkeys(SWITCHES, word))

    assert (project / "my_site" / "celery.py").exists() is on
    assert (project / "my_site" / "api").exists() is on
    assert (project / "people").exists() is on
    assert (project / "my_site" / "accounts" / "two_factor").exists() is on


@pytest.mark.parametrize("accounts", ["django", "none"])
def test_second_factors_need_allauth(template: Path, tmp_path: Path, accounts: str) -> None:
    message = refusal(template, tmp_path, {"accounts": accounts, "two_factor": True}, "two_factor")

    assert message.endswith("two_factor needs accounts=allauth: give both, or leave it out.")


@pytest.mark.parametrize("answers", [{"use_cellery": True}, {"use_celery": True, "databse": "sqlite"}])
def test_an_answer_without_a_question_is_refused(template: Path, tmp_path: Path, answers: dict[str, Any]) -> None:
    message = refusal(template, tmp_path, answers, "project_name")

    assert f'Unknown question "{min(answers.keys() - questions().keys())}"' in message


def test_an_answer_without_a_question_is_refused_on_an_update(template: Path, tmp_path: Path) -> None:
    project = projects.render(template, tmp_path / "project", {})
    commit(project, "Start")
    before = projects.files(project)

    with pytest.raises(ValueError, match='Unknown question "use_cellery"'):
        update(project, {"use_cellery": True})

    assert projects.files(project) == before


def test_warns_of_a_template_that_an_update_would_not_find(template: Path, tmp_path: Path) -> None:
    """An update resolves the path inside the project, and needs a repository with releases."""
    (tmp_path / "template").symlink_to(template)
    projects.working_tree(tmp_path / "folder")
    copy = ["copier", "copy", "--defaults"]

    assert "cannot be updated" in run([*copy, "template", "relative"], tmp_path)
    assert "cannot be updated" in run([*copy, str(tmp_path / "folder"), "without-git"], tmp_path)
    assert "cannot be updated" not in run([*copy, str(template), "whole"], tmp_path)


@pytest.mark.parametrize("question", questions())
def test_questions_fit_a_terminal_of_80_columns(question: str) -> None:
    """Copier indents by three columns and truncates wider lines."""
    lines = [*questions()[question]["help"].splitlines(), *questions()[question].get("choices", {})]

    assert [line for line in lines if len(line) > 77] == []


def test_the_first_validator_names_each_question_that_is_not_yes_or_no() -> None:
    """The validator accepts only yes and no for all questions that it does not name."""
    validator = questions()["project_name"]["validator"]
    named = {
        kind: yaml.safe_load(re.search(rf"set {kind} = (\[[^\]]*\])", validator, re.DOTALL)[1])  # type: ignore[index]
        for kind in ("texts", "lists")
    }
    lists = [name for name, question in questions().items() if question.get("multiselect")]
    texts = [name for name, question in questions().items() if name not in [*SWITCHES, *lists]]

    assert named == {"texts": texts, "lists": lists}, "Name a new question in the validator of project_name."
