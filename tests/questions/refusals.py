"""Helpers for answers that must be refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ..harness import projects


def refusal(template: Path, tmp_path: Path, answers: Mapping[str, Any], question: str) -> str:
    """Return the sentence that refuses these answers, and check that nothing was written.

    question: the name that the message must contain.
    """
    destination = tmp_path / "refused"
    with pytest.raises(ValueError, match=f"question '{question}'") as refused:
        projects.render(template, destination, answers)
    assert not destination.exists() or not list(destination.iterdir())
    message = str(refused.value).strip()
    assert "\n" not in message
    assert message.count(". ") == 0
    return message
