"""Each free text, even a hostile one, is refused with one sentence, or works everywhere."""

import ast
import json
import tomllib
from pathlib import Path

import pytest
import yaml

from ..harness import projects
from ..harness.commands import run
from ..harness.texts import ACCEPTED, REFUSED
from .refusals import refusal

QUESTIONS = ["project_name", "description", "author_name"]


def check(project: Path, answers: dict[str, str]) -> None:
    """Check that the texts arrive unchanged everywhere, and that the linters accept the files."""
    declared = tomllib.loads((project / "pyproject.toml").read_text())
    assert declared["project"]["description"] == answers.get("description", "A Django project.")
    if "author_name" in answers and answers["author_name"].strip():
        assert declared["project"]["authors"] == [{"name": answers["author_name"]}]
    settings = ast.parse((project / "my_site" / "settings" / "base.py").read_text())
    assigned = [node for node in settings.body if isinstance(node, ast.Assign)]
    site = next(node.value for node in assigned if ast.unparse(node.targets[0]) == "SITE")
    assert ast.literal_eval(site) == {
        "NAME": answers.get("project_name", "My Site"),
        "DESCRIPTION": answers.get("description", "A Django project."),
    }
    stored = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert {name: stored[name] for name in answers} == answers
    run(["ruff", "format", "--no-cache", "--check", "."], project)
    run(["ruff", "check", "--no-cache", "."], project)


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_writes_texts_unchanged(template: Path, tmp_path: Path, text: str) -> None:
    answers = dict.fromkeys(QUESTIONS, text)

    project = projects.render(template, tmp_path / "project", answers | {"project_slug": "my_site"})

    check(project, answers)


def test_writes_the_longest_texts(template: Path, tmp_path: Path) -> None:
    answers = {"project_name": "站" * 100, "description": "描" * 200, "author_name": "人" * 100}

    project = projects.render(template, tmp_path / "project", answers | {"project_slug": "my_site"})

    check(project, answers)


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.parametrize("question", QUESTIONS)
def test_refuses(template: Path, tmp_path: Path, question: str, text: str) -> None:
    message = refusal(template, tmp_path, {question: text, "project_slug": "my_site"}, question)

    assert "use one line of plain text" in message or "use at most" in message


@pytest.mark.parametrize("question", ["project_name", "description"])
@pytest.mark.parametrize("text", ["", "   "])
def test_refuses_an_empty_answer_to_a_required_question(
    template: Path, tmp_path: Path, question: str, text: str
) -> None:
    assert "type one" in refusal(template, tmp_path, {question: text, "project_slug": "my_site"}, question)


@pytest.mark.parametrize(
    ("name", "email", "authors"),
    [
        ("", "", None),
        ("Ada", "", [{"name": "Ada"}]),
        ("", "ada@example.com", [{"email": "ada@example.com"}]),
        ("Ada", "ada.l+x@mail.example.org", [{"name": "Ada", "email": "ada.l+x@mail.example.org"}]),
    ],
)
def test_names_the_authors(
    template: Path, tmp_path: Path, name: str, email: str, authors: list[dict[str, str]] | None
) -> None:
    project = projects.render(template, tmp_path / "project", {"author_name": name, "author_email": email})

    assert tomllib.loads((project / "pyproject.toml").read_text())["project"].get("authors") == authors


@pytest.mark.parametrize("email", ["ada", "ada@", "ada@example", "a b@example.com", 'x"@example.com', "a@b.c\n"])
def test_refuses_invalid_email_addresses(template: Path, tmp_path: Path, email: str) -> None:
    message = refusal(template, tmp_path, {"author_email": email}, "author_email")

    assert f"{json.dumps(email)} is not an email address" in message


@pytest.mark.parametrize(
    ("question", "value"),
    [("database", "oracle"), ("server", "cgi"), ("user_model", "none")],
)
def test_refuses_values_that_are_not_among_the_choices(
    template: Path, tmp_path: Path, question: str, value: str
) -> None:
    with pytest.raises((TypeError, ValueError)):
        projects.render(template, tmp_path / "project", {question: value})

    assert not (tmp_path / "project").exists()


def test_the_command_ends_with_the_sentence(template: Path, tmp_path: Path) -> None:
    command = ["copier", "copy", "--defaults", "--data", "project_slug=class", str(template), "project"]

    output = run(command, tmp_path, fails=True)

    assert (
        output.strip()
        .splitlines()[-1]
        .endswith('"class" is a word of the Python language: choose another name, like "my_site".')
    )
    assert not (tmp_path / "project").exists()
