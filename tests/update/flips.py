"""Changes of answers: each from its default and back, and random walks."""

from itertools import zip_longest
from random import Random
from typing import Any

from ..harness.answers import Answers, complete, default, is_asked, questions, settle, values
from ..harness.texts import ACCEPTED

FIXED = {"project_slug", "app_name", "user_model"}
NAMES = {"project_slug": "my_site", "app_name": "core"}
FREE = {"project_name", "description", "author_name"}

Flip = tuple[str, Any]


def switches(on: bool) -> Answers:
    """Return the same answer to every yes/no question."""
    return {name: on for name, question in questions().items() if question["type"] == "bool"}


def bases() -> dict[str, Answers]:
    """Return the answers of the projects before a change: the largest, the default, and the smallest one.

    Other questions have their last value in the largest project, and their default in the smallest one.
    """
    last = {name: values(name)[-1] for name in questions() if name not in NAMES and values(name)}
    largest = {"database": "postgresql", "user_model": "username", "accounts": "allauth"}
    smallest = {"database": "sqlite", "user_model": "django", "accounts": "none"}
    return {
        "largest": settle(last | switches(True) | largest),
        "default": {},
        "smallest": settle(switches(False) | smallest),
    }


def starts() -> dict[str, Answers]:
    """Return the bases, and variants of the largest one with the values that no base has."""
    found = bases()
    missing = [
        [(question, value) for value in values(question) if not projects_with(question, value, found)]
        for question in questions()
        if question not in FIXED
    ]
    for number, changes in enumerate(zip_longest(*missing), 1):
        found[f"other{number}"] = settle(found["largest"] | dict(filter(None, changes)))
    return found


def projects_with(question: str, value: Any, projects: dict[str, Answers]) -> list[str]:
    """Return the names of the projects in which a question is asked and has this value."""
    return [
        name
        for name, answers in projects.items()
        if is_asked(question, answers) and complete(answers)[question] == value
    ]


def flips() -> list[tuple[str, str, Any]]:
    """Return start, question, and new value of single changes: each question from its default and back."""
    projects = starts()
    changes = [
        (question, *change)
        for question in questions()
        if question not in FIXED
        for other in values(question)[1:]
        for change in ((values(question)[0], other), (other, values(question)[0]))
    ]
    return [
        (start, question, after)
        for question, before, after in changes
        for start in projects_with(question, before, projects)[:1]
    ]


def walk(seed: int, length: int) -> tuple[Answers, list[Flip], Answers]:
    """Return a random walk for a seed: the first answers of a project, `length` changes, and the final answers."""
    random = Random(seed)
    known = [question for question in questions() if question not in NAMES and values(question)]
    start = settle({question: random.choice(values(question)) for question in known})
    steps: list[Flip] = []
    now = dict(start)
    while len(steps) < length:
        question = random.choice([name for name in known if name not in FIXED and is_asked(name, now)])
        if question == "author_email":
            value = random.choice(["", "ada@example.com", "o'brien@example.org"])
        elif question in FREE:
            value = random.choice(list(ACCEPTED.values()))
        else:
            value = random.choice(values(question))
        if now.get(question, default(question)) != value:
            now = settle(now | {question: value})
            steps.append((question, value))
    return start, steps, now
