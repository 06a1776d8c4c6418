"""Answers that change: every single flip from three bases, and random walks."""

from itertools import product
from random import Random
from typing import Any

from ..harness.answers import Answers, default, is_asked, questions, settle, values
from ..harness.texts import ACCEPTED

TEXTS = {
    "project_name": "O'Brien's {{ 7*7 }} Shop",
    "description": 'What we "sell" \\ online.',
    "author_name": "Ada",
    "author_email": "ada@example.com",
}
BASES: dict[str, Answers] = {
    "default": {},
    "smallest": {
        "database": "sqlite",
        "user_model": "django",
        "accounts": "none",
        "use_drf": False,
        "include_example": False,
    },
    "largest": {
        "server": "asgi",
        "user_model": "username",
        "accounts": "allauth",
        "two_factor": True,
        "oauth2_provider": True,
        "use_celery": True,
        "deployment": ["nginx_supervisor", "docker"],
        "update_bot": "github",
        **TEXTS,
    },
}
FIXED = {"project_slug", "app_name", "user_model"}
NAMES = {"project_slug": "my_site", "app_name": "core"}

Flip = tuple[str, Any]


def flips() -> list[tuple[str, str, Any]]:
    """Return base, question and new value of every single change, from the questions in copier.yml."""
    found = []
    for (base, answers), question in product(BASES.items(), questions()):
        if question not in FIXED and is_asked(question, answers):
            before = answers.get(question, default(question))
            given = [TEXTS[question], default(question)] if question in TEXTS else values(question)
            found += [(base, question, value) for value in given if value != before]
    return found


def walk(seed: int, length: int) -> tuple[Answers, list[Flip], Answers]:
    """Return the answers that a project starts with, that many changes, and the answers after them, by the seed."""
    random = Random(seed)
    start = settle(
        {question: random.choice(values(question)) for question in questions() if question not in (*TEXTS, *NAMES)}
    )
    steps: list[Flip] = []
    now = dict(start)
    while len(steps) < length:
        question = random.choice([name for name in questions() if name not in FIXED and is_asked(name, now)])
        if question == "author_email":
            value = random.choice(["", "ada@example.com", "o'brien@example.org"])
        elif question in TEXTS:
            value = random.choice(list(ACCEPTED.values()))
        else:
            value = random.choice(values(question))
        if now.get(question, default(question)) != value:
            now = settle(now | {question: value})
            steps.append((question, value))
    return start, steps, now
