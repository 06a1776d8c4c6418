"""Names of projects and first apps."""

import keyword
import sys
from pathlib import Path
from typing import Any

import jinja2
import pytest

from ..harness import projects
from ..harness.commands import run
from ..update.flips import NAMES as DEFAULT_NAMES
from ..update.flips import bases
from .refusals import refusal

NAMES = ["project_slug", "app_name"]


@pytest.fixture
def names(template: Path) -> Any:
    """The definitions in extensions/names.jinja."""
    loader = jinja2.FileSystemLoader(template)
    environment = jinja2.Environment(loader=loader, extensions=["jinja2_ansible_filters.AnsibleCoreFiltersExtension"])
    return environment.get_template("extensions/names.jinja").module


@pytest.mark.parametrize("question", NAMES)
@pytest.mark.parametrize("name", ["a", "x1", "my_shop", "a" * 30, "web2_app_3"])
def test_accepts(template: Path, tmp_path: Path, question: str, name: str) -> None:
    project = projects.render(template, tmp_path / "project", {question: name})

    assert (project / name / "__init__.py").exists()


@pytest.mark.parametrize("question", NAMES)
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "A name is needed"),
        ("a" * 31, "is too long: use at most 30 characters"),
        ("1site", "cannot be a Python package"),
        ("_site", "cannot be a Python package"),
        ("site_", "cannot be a Python package"),
        ("my-site", "cannot be a Python package"),
        ("my site", "cannot be a Python package"),
        ("MySite", "cannot be a Python package"),
        ("sité", "cannot be a Python package"),
        ("mysite\n", "cannot be a Python package"),
        ("../site", "cannot be a Python package"),
        ("$(id)", "cannot be a Python package"),
        ('"', "cannot be a Python package"),
        ("{{ 7 }}", "cannot be a Python package"),
        ("class", "is a word of the Python language"),
        ("match", "is a word of the Python language"),
        ("email", "is a module of Python's standard library"),
        ("django", "is taken by a package or an app"),
        ("celery", "is taken by a package or an app"),
        ("rest_framework", "is taken by a package or an app"),
        ("sessions", "is taken by a package or an app"),
        ("markdown", "is taken by a package or an app"),
        ("psycopg_binary", "is taken by a package or an app"),
        ("test", "is taken by the project itself"),
        ("tests", "is taken by the project itself"),
        ("users", "is taken by the project itself"),
        ("people", "is taken by the project itself"),
        ("static", "is taken by the project itself"),
    ],
)
def test_refuses(template: Path, tmp_path: Path, question: str, name: str, reason: str) -> None:
    assert reason in refusal(template, tmp_path, {question: name}, question)


def test_knows_each_keyword_and_each_module_of_the_standard_library(names: Any) -> None:
    """The list has all modules of the Python that runs the tests. It may also have modules of newer ones."""
    modules = {name for name in sys.stdlib_module_names if name.islower() and not name.startswith("_")}

    assert {*keyword.kwlist, *keyword.softkwlist} - {"False", "None", "True", "_", "type"} == set(names.keywords)
    assert modules <= set(names.standard_library)


def test_refuses_an_app_named_like_the_project(template: Path, tmp_path: Path) -> None:
    answers = {"project_slug": "shop", "app_name": "shop"}

    assert '"shop" is already the name of the project' in refusal(template, tmp_path, answers, "app_name")


@pytest.mark.parametrize(
    ("project_name", "slug"),
    [
        ("My Site", "my_site"),
        ("  Käse & Brötchen! ", "kase_brotchen"),
        ("Ελλάδα", "my_project"),
        ("3D Printers", "project_3d_printers"),
        ("Django", "django_project"),
        ("Class", "class_project"),
        ("Core", "core_project"),
        ("Users", "users_project"),
        ("A" * 29 + " B", "a" * 29),
        ("!!!", "my_project"),
    ],
)
def test_derives_a_valid_slug_from_any_name(template: Path, tmp_path: Path, project_name: str, slug: str) -> None:
    project = projects.render(template, tmp_path / "project", {"project_name": project_name})

    assert (project / slug / "settings").is_dir()


def test_a_project_called_core_gets_another_app_name(template: Path, tmp_path: Path) -> None:
    project = projects.render(template, tmp_path / "project", {"project_slug": "core"})

    assert (project / "main" / "apps.py").exists()


@pytest.mark.slow
def test_refuses_the_names_of_installed_packages(
    template: Path, tmp_path: Path, environments: Path, names: Any
) -> None:
    """The macro's list has the names of all installed packages, distributions, and app labels."""
    taken: set[str] = set()
    for server in ("wsgi", "asgi"):
        answers = bases()["largest"] | {"server": server, "user_model": "django"}
        project = projects.render(template, tmp_path / server, DEFAULT_NAMES | answers)
        for production in (False, True):
            programs = projects.environment(project, environments, production=production)
            taken.update(run([programs / "python", "-c", LIST_NAMES], project).split())
    taken -= {"clubs", "core", "people", "manage", "my_site"}

    assert len(taken) > 60
    assert taken <= {*names.installed, *names.required, *names.standard_library}


LIST_NAMES = """
import os
from importlib.metadata import distributions, packages_distributions
names = {name for name in packages_distributions() if not name.startswith("_")}
names |= {found.metadata["Name"].lower().replace("-", "_") for found in distributions()}
os.environ["DJANGO_SETTINGS_MODULE"] = "my_site.settings.test"
import django
django.setup()
from django.apps import apps
names |= {config.label for config in apps.get_app_configs()}
print(*sorted(name for name in names if name.isidentifier()))
"""
