"""The tests derive all changes of answers from copier.yml, for every kind of question."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from ..harness import answers
from ..harness.answers import REPOSITORY, complete, has_fixed_values, questions, values
from .flips import FIXED, flips, starts, walk


def changes() -> list[tuple[str, str, str]]:
    """Return question, old value, and new value of every flip, as text, because some are lists."""
    projects = starts()
    return [(question, str(complete(projects[start])[question]), str(value)) for start, question, value in flips()]


def test_every_answer_changes_from_its_default_and_back() -> None:
    expected = set()
    for question in questions().keys() - FIXED:
        usual, *others = map(str, values(question) or [None])
        expected |= {(question, usual, other) for other in others} | {(question, other, usual) for other in others}

    missing = expected - set(changes())
    assert not missing, f"No project of bases() in tests/update/flips.py starts these changes: {sorted(missing)}"
    assert len(changes()) == len(expected), "A change is tested twice."


def test_every_question_has_another_answer() -> None:
    missing = [question for question in questions() if len(values(question)) < 2 and question not in FIXED]

    assert missing == [], f"Give another answer to {missing} in OTHER in tests/harness/answers.py."


@pytest.fixture
def more_questions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Add questions of all kinds to a copy of copier.yml, which the tests then read."""
    settings = yaml.safe_load((REPOSITORY / "copier.yml").read_text())
    settings |= {
        "new_page_size": {"type": "int", "default": 50, "help": "A number."},
        "new_time_zone": {"type": "str", "default": "UTC", "help": "Free text.", "validator": "{{ '' }}"},
        "new_language": {"type": "str", "default": "{{ project_name }}", "help": "Text from another answer."},
        "new_use_cors": {"type": "bool", "default": True, "help": "A switch."},
        "new_cors_for_all": {"type": "bool", "default": False, "help": "A second one.", "when": "{{ new_use_cors }}"},
        "new_log_format": {"type": "str", "default": "json", "choices": {"JSON": "json", "Text": "text", "XML": "xml"}},
    }
    (tmp_path / "copier.yml").write_text(yaml.safe_dump(settings, sort_keys=False))
    monkeypatch.setattr(answers, "REPOSITORY", tmp_path)
    monkeypatch.setitem(answers.OTHER, "new_time_zone", "Europe/Rome")
    questions.cache_clear()
    yield
    questions.cache_clear()


@pytest.mark.usefixtures("more_questions")
def test_questions_of_all_kinds_change() -> None:
    found = {change for change in changes() if change[0] in list(questions())[-6:]}

    pairs = [
        ("new_page_size", "50", "51"),
        ("new_time_zone", "UTC", "Europe/Rome"),
        ("new_use_cors", "True", "False"),
        ("new_cors_for_all", "False", "True"),
        ("new_log_format", "json", "text"),
        ("new_log_format", "json", "xml"),
    ]
    assert found == {*pairs, *((question, after, before) for question, before, after in pairs)}
    test_every_answer_changes_from_its_default_and_back()
    assert {question for seed in range(20) for question, _ in walk(seed, length=8)[1]} >= {
        "new_page_size",
        "new_time_zone",
    }
    assert not has_fixed_values("new_page_size")
    assert {row["new_log_format"] for row in answers.pairwise()} == {"json", "text", "xml"}
    with pytest.raises(AssertionError, match=r"another answer to \['new_language'\] in OTHER"):
        test_every_question_has_another_answer()
