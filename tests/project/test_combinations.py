"""Every core combination, and every row of the covering array, is installed and run on its database."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from ..harness import projects
from ..harness.answers import core_combinations, identify, pairwise
from ..harness.servers import Postgres
from .checks import check_development, check_first_minutes, check_production, production_variables

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("answers", [*core_combinations(), *pairwise()], ids=identify)
def test_combination(
    template: Path, tmp_path: Path, environments: Path, postgres: Postgres, answers: dict[str, Any]
) -> None:
    project = projects.render(template, tmp_path / "project", answers)
    if answers["database"] == "postgresql":
        # Names of databases have at most 63 characters, too few for all answers.
        name = hashlib.sha256(identify(answers).encode()).hexdigest()[:12]
        development = {"DATABASE_URL": postgres.create_database(name)}
        production = postgres.create_database(f"{name}-production")
    else:
        development = {}
        production = f"sqlite:///{tmp_path / 'production.sqlite3'}"

    programs = projects.environment(project, environments)
    check_first_minutes(project, programs)
    check_development(project, programs, development)
    check_production(
        project,
        projects.environment(project, environments, production=True),
        production_variables(production, answers),
    )
