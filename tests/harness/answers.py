"""The tests' answers, derived from the questions in copier.yml."""

from collections.abc import Mapping
from functools import cache
from itertools import combinations, product
from pathlib import Path
from typing import Any

import yaml
from covertable import make
from jinja2 import Environment, Template
from jinja2.meta import find_undeclared_variables

REPOSITORY = Path(__file__).parents[2]

Answers = dict[str, Any]


@cache
def questions() -> dict[str, dict[str, Any]]:
    """Return the definitions of the questions whose answers a project stores, in order."""
    settings = yaml.safe_load((REPOSITORY / "copier.yml").read_text())
    return {
        name: definition
        for name, definition in settings.items()
        if not name.startswith("_") and definition.get("when") is not False and not definition.get("secret")
    }


def default(question: str) -> Any:
    """Return the default of a question, or None if it depends on other answers or on an older project."""
    written = questions()[question]["default"]
    return None if isinstance(written, str) and "{" in written else written


# A second answer, besides the default, for each free-text question.
OTHER = {
    "project_name": "O'Brien's {{ 7*7 }} Shop",
    "project_slug": "other",
    "app_name": "other",
    "description": 'What we "sell" \\ online.',
    "author_name": "Ada",
    "author_email": "ada@example.com",
}


def has_fixed_values(question: str) -> bool:
    """Return whether a question is a yes/no question or has choices."""
    definition = questions()[question]
    return definition["type"] == "bool" or "choices" in definition


def values(question: str) -> list[Any]:
    """Return all values of a question with fixed values, or two values of another one; the default comes first."""
    definition = questions()[question]
    if not has_fixed_values(question):
        usual = default(question)
        next_number = usual + 1 if definition["type"] in ("int", "float") and usual is not None else None
        return [value for value in (usual, OTHER.get(question, next_number)) if value is not None]
    choices = [False, True] if definition["type"] == "bool" else list(definition["choices"].values())
    if definition.get("multiselect"):
        choices = [list(chosen) for count in range(len(choices) + 1) for chosen in combinations(choices, count)]
    return sorted(choices, key=lambda value: value != default(question))


@cache
def compiled(text: str) -> Template:
    return Environment().from_string(text)


def is_asked(question: str, answers: Mapping[str, Any]) -> bool:
    """Return whether a question's `when` is true, given these answers and the defaults of the others."""
    given = {name: default(name) for name in questions()} | dict(answers)
    return compiled(str(questions()[question].get("when", True))).render(given) == "True"


def complete(answers: Mapping[str, Any]) -> Answers:
    """Return answers to all questions: the given ones where a question is asked, and the defaults elsewhere."""
    return {name: default(name) for name in questions()} | settle(answers)


def settle(answers: Mapping[str, Any]) -> Answers:
    """Return the answers that a project stores: those to questions that are asked."""
    return {name: value for name, value in answers.items() if is_asked(name, answers)}


CORE = ["database", "server", "user_model", "use_drf", "use_celery"]


def core_combinations() -> list[Answers]:
    """Return the 48 combinations of the core questions, with the example."""
    rows = product(*(values(question) for question in CORE))
    return [dict(zip(CORE, chosen, strict=True)) | {"include_example": True} for chosen in rows]


def all_combinations() -> list[Answers]:
    """Return the 96 combinations: the core ones with and without the example."""
    return [core | {"include_example": example} for example in (True, False) for core in core_combinations()]


def pairwise(*without: str) -> list[Answers]:
    """Return a covering array of the questions with fixed values: some row contains each pair of values.

    without: questions to leave out.
    """
    factors = {name: values(name) for name in questions() if has_fixed_values(name) and name not in without}
    return [dict(row) for row in make(factors, strength=2, constraints=[constraint(name) for name in factors])]


def constraint(question: str) -> dict[str, Any]:
    """Return covertable's constraint that a question has its default unless it is asked."""
    decides = find_undeclared_variables(Environment().parse(str(questions()[question].get("when", True))))

    def holds(row: Answers) -> bool:
        return row[question] == default(question) or is_asked(question, row)

    return {"operator": "fn", "requires": [question, *decides], "evaluate": holds}


def identify(answers: Mapping[str, Any]) -> str:
    """Return a short, readable name for a set of answers, for test ids."""
    parts = []
    for name, value in answers.items():
        if isinstance(value, list):
            parts += value
        elif value is not False:
            parts.append(name if value is True else str(value))
    return "-".join(parts).replace("use_", "").replace("include_", "")
