"""extensions/features.jinja agrees with the questions and with the files of the template."""

import re
from typing import Any

import pytest

from ..harness import macros
from ..harness.answers import REPOSITORY, Answers, complete, is_asked, pairwise, questions, settle, values

FEATURES = macros.module("features").features


def identify_feature(feature: dict[str, Any]) -> str:
    return "-".join(f"{question}={wanted}" for question, wanted in feature["needs"].items())


def suits(answer: Any, wanted: Any) -> bool:
    """Return whether an answer meets the need of a feature, without calling the macro."""
    accepted = wanted if isinstance(wanted, list) else [wanted]
    return any(value in accepted for value in (answer if isinstance(answer, list) else [answer]))


def is_on(feature: dict[str, Any], answers: Answers) -> bool:
    return all(suits(answers[question], wanted) for question, wanted in feature["needs"].items())


@pytest.mark.parametrize("feature", FEATURES, ids=identify_feature)
def test_a_feature_needs_possible_answers(feature: dict[str, Any]) -> None:
    for question, wanted in feature["needs"].items():
        assert question in questions(), f"Unknown question {question}."
        possible = [value for value in values(question) if suits(value, wanted)]
        assert possible, f"{question} cannot be {wanted!r}."
        assert len(possible) < len(values(question)), f"{question} is always {wanted!r}."


@pytest.mark.parametrize("feature", FEATURES, ids=identify_feature)
def test_a_feature_also_needs_the_conditions_of_its_questions(feature: dict[str, Any]) -> None:
    """Answers to questions that are not asked are not stored, so they cannot turn a feature off."""
    rows = [complete(row) for row in pairwise()]
    for question in feature["needs"]:
        asked = [is_asked(question, row) for row in rows if is_on(feature, row)]
        assert all(asked), f"{question} is asked only after another answer: add that answer to needs."
    is_off = macros.module("features").is_off
    for row in rows:
        assert bool(is_off(feature, settle(row))) is not is_on(feature, row), f"{identify_feature(feature)}: {row}"


def paths_of_the_template() -> set[str]:
    names = {
        r"{{ project_slug }}": "<project>",
        r"{{ app_name }}": "<app>",
        r"{{ (\w+)_by_\w+ }}": r"\1",
        r"\.jinja$": "",
    }
    found = set()
    for path in (REPOSITORY / "template").rglob("*"):
        name = path.relative_to(REPOSITORY / "template").as_posix()
        for written, meant in names.items():
            name = re.sub(written, meant, name)
        found.add(name)
    return found


@pytest.mark.parametrize("feature", FEATURES, ids=identify_feature)
def test_the_paths_of_a_feature_exist(feature: dict[str, Any]) -> None:
    assert [path for path in feature["paths"].split() if path not in paths_of_the_template()] == []
