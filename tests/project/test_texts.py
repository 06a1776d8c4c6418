"""Projects with hostile texts in every answer start, show their pages, and pass their tests.

tests/questions checks that their files are linted, formatted and parseable.
"""

from pathlib import Path

import pytest

from ..harness import projects
from ..harness.texts import ACCEPTED
from .checks import check_first_minutes, check_tests

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_hostile_texts(template: Path, tmp_path: Path, environments: Path, text: str) -> None:
    answers = dict.fromkeys(["project_name", "description", "author_name"], text)
    project = projects.render(template, tmp_path / "project", answers | {"project_slug": "my_site"})

    programs = projects.environment(project, environments)
    check_first_minutes(project, programs)
    check_tests(project, programs, {})
