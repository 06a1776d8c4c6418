"""benchmarks.rendered_diff compares states of the template that have different questions."""

import sys
from pathlib import Path

import pytest

from benchmarks import rendered_diff

from ..harness import projects

QUESTION = "use_htmx: {type: bool, default: false, help: Add it}\n\n"


@pytest.fixture(autouse=True)
def a_new_question(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the working tree have a question that earlier states lack."""

    def working_tree(folder: Path) -> None:
        projects.working_tree(folder)
        settings = folder / "copier.yml"
        settings.write_text(settings.read_text().replace("include_example:\n", f"{QUESTION}include_example:\n", 1))
        (folder / "template" / "htmx.txt.jinja").write_text("htmx: {{ use_htmx }}\n")

    monkeypatch.setattr(rendered_diff, "working_tree", working_tree)


def test_a_state_without_a_question_is_rendered_without_its_answer(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["rendered_diff", "HEAD", "use_htmx=true"])

    rendered_diff.main()

    assert "+htmx: True\n" in capfd.readouterr().out


def test_a_question_that_no_state_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["rendered_diff", "HEAD", "use_htmlx=true"])

    with pytest.raises(
        SystemExit, match=r"^Neither state of the template has the question use_htmlx: see copier.yml.$"
    ):
        rendered_diff.main()
