"""Every core combination, and every row of the covering array, is installed and run on its database.

Django's runner runs the tests of the core combinations, on the database of their answers: another combination runs the
same tests on the other database. The rows of the covering array run theirs with both runners, on both databases, and
measure the coverage.
"""

import hashlib
from pathlib import Path

import pytest

from ..harness import projects
from ..harness.answers import Answers, core_combinations, identify, pairwise
from ..harness.servers import Postgres
from .checks import check_code, check_coverage, check_first_minutes, check_production, check_tests, production_variables

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("answers", core_combinations(), ids=identify)
def test_combination(template: Path, tmp_path: Path, environments: Path, postgres: Postgres, answers: Answers) -> None:
    project, programs, variables = check_all_but_tests(template, tmp_path, environments, postgres, answers)

    check_tests(project, programs, variables)


@pytest.mark.parametrize("answers", pairwise(), ids=identify)
def test_row_of_the_covering_array(
    template: Path, tmp_path: Path, environments: Path, postgres: Postgres, answers: Answers
) -> None:
    project, programs, variables = check_all_but_tests(template, tmp_path, environments, postgres, answers)

    check_tests(project, programs, {})
    check_coverage(project, programs, variables)


def check_all_but_tests(
    template: Path, tmp_path: Path, environments: Path, postgres: Postgres, answers: Answers
) -> tuple[Path, Path, dict[str, str]]:
    """Return the project, the programs of its environment for development, and the variable of its database."""
    project = projects.render(template, tmp_path / "project", answers)
    if answers["database"] == "postgresql":
        # Names of databases have at most 63 characters, too few for all answers.
        name = hashlib.sha256(identify(answers).encode()).hexdigest()[:12]
        variables = {"DATABASE_URL": postgres.create_database(name)}
        production = postgres.create_database(f"{name}-production")
    else:
        variables = {}
        production = f"sqlite:///{tmp_path / 'production.sqlite3'}"

    programs = projects.environment(project, environments)
    check_first_minutes(project, programs)
    check_code(project, programs)
    check_production(
        project,
        projects.environment(project, environments, production=True),
        production_variables(production, answers),
    )
    return project, programs, variables
