"""The covering array is complete."""

from itertools import combinations, product

from ..harness.answers import Answers, is_asked, pairwise, questions, values


def can_be(answers: Answers) -> bool:
    """Return whether all questions that are not asked have their defaults."""
    conditional = [name for name in answers if "when" in questions()[name]]
    return all(answers[name] == values(name)[0] or is_asked(name, answers) for name in conditional)


def pairs(rows: list[Answers]) -> set[tuple[str, ...]]:
    """Return the pairs of answers in rows, as text, because some are lists."""
    return {pair for row in rows for pair in combinations([f"{name}={row[name]}" for name in sorted(row)], 2)}


def test_every_possible_pair_of_answers_is_in_a_row() -> None:
    rows = pairwise()
    every = [dict(zip(rows[0], chosen, strict=True)) for chosen in product(*(values(name) for name in rows[0]))]

    assert all(can_be(row) for row in rows)
    assert pairs(rows) == pairs([answers for answers in every if can_be(answers)])
