"""A team adds by hand what a feature brings. Later, it turns the feature on, and the project still works."""

import json
import re
from pathlib import Path

import pytest

from ..harness import projects
from ..harness.commands import WARNINGS, run
from .flips import FIXED, NAMES, bases
from .updating import assert_no_conflict, commit, update

# The lists to which features add items, and the lines below which a team adds its own.
APPS = "    # Apps of packages that you add go below this line."
LISTS = {
    "my_site/settings/base.py": [
        APPS,
        "    # Your own middleware goes below this line.",
        "    # Your own backends go below this line.",
    ],
    "pyproject.toml": [
        "    # Your own dependencies go below this line.",
        "    # Your own development tools go below this line.",
        "    # Your own packages for production go below this line.",
        "    # Your own packages without types go below this line.",
    ],
}

# Prints the path of each app's AppConfig, by the app's name. DRF's tokens work by name only, whatever the project.
PRINT_CONFIGS = """
import json
from django.apps import apps
print(json.dumps({
    config.name: f"{type(config).__module__}.{type(config).__name__}"
    for config in apps.get_app_configs()
    if type(config).__module__ == f"{config.name}.apps" and config.name != "rest_framework.authtoken"
}))
"""

# A team that has used a package before may have settings and URLs of it, too.
SETTINGS = """
REST_FRAMEWORK = {"PAGE_SIZE": 10}
SPECTACULAR_SETTINGS = {"TITLE": "Shop"}
OAUTH2_PROVIDER = {"ACCESS_TOKEN_EXPIRE_SECONDS": 60}
ACCOUNT_LOGIN_METHODS = {"username"}
CELERY_BROKER_URL = "redis://localhost/1"
ANONYMOUS_USER_NAME = None
"""
URLS = """
    path("api/", include("rest_framework.urls")),
    path("accounts/", include("allauth.urls")),
    path("oauth2/", include("oauth2_provider.urls")),
"""


def items(text: str, marker: str) -> list[str]:
    """Return the lines of the items above a marker, in the same list."""
    above = text.split(f"{marker}\n")[0].splitlines()
    start = max(number for number, line in enumerate(above) if line.endswith("["))
    return [line for line in above[start:] if line.startswith('    "')]


def brought(small: str, large: str, marker: str) -> list[str]:
    """Return the items that features add above a marker, without those that a project has its own modules for."""
    found = [line for line in items(large, marker) if line not in items(small, marker) and "my_site" not in line]
    # Like uv add: a lower bound only.
    return [re.sub(r'^(    "[^",]+>=[^",]+),[^"]+"', r'\1"', line) for line in found]


@pytest.fixture
def answers() -> dict[str, object]:
    """The answers that turn every feature on."""
    return {name: value for name, value in bases()["largest"].items() if name not in FIXED}


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    smallest = bases()["smallest"] | {"user_model": "username"}
    return projects.render(template, tmp_path / "project", NAMES | smallest)


@pytest.fixture
def fresh(template: Path, tmp_path: Path) -> Path:
    return projects.render(template, tmp_path / "fresh", NAMES | bases()["largest"])


def add_by_hand(project: Path, fresh: Path) -> list[str]:
    """Add all items of features to a project. Returns the apps."""
    added = []
    for name, markers in LISTS.items():
        path, large = project / name, (fresh / name).read_text()
        text = small = path.read_text()
        for marker in markers:
            new = brought(small, large, marker)
            assert new, marker
            if marker == APPS:
                new.append('    "django.contrib.humanize",')
                added = [line.strip(' ",') for line in new]
            text = text.replace(f"{marker}\n", "\n".join([marker, *new, ""]))
        path.write_text(text)
    example, large = project / ".env.example", (fresh / ".env.example").read_text()
    variables = set(re.findall(r"^# \w+=.*\n", large, re.M)) - set(
        re.findall(r"^# \w+=.*\n", example.read_text(), re.M)
    )
    assert variables
    example.write_text(example.read_text() + "\n# Ours\n" + "".join(sorted(variables)))
    return added


def turn_on(project: Path, answers: dict[str, object]) -> None:
    commit(project, "By hand")
    update(project, answers)
    assert_no_conflict(project)


@pytest.mark.slow
@pytest.mark.parametrize("spelling", ["names", "classes"])
def test_a_project_that_lists_what_features_bring_works_with_them(
    project: Path, fresh: Path, environments: Path, answers: dict[str, object], spelling: str
) -> None:
    apps = add_by_hand(project, fresh)
    if spelling == "classes":
        python = projects.environment(fresh, environments) / "python"
        code = ["manage.py", "shell", "--verbosity=0", "--no-imports", "--command", PRINT_CONFIGS]
        classes = json.loads(run([python, *code], fresh))
        assert "django.contrib.humanize" in apps
        base = project / "my_site" / "settings" / "base.py"
        text = base.read_text()
        for app in classes.keys() & apps:
            text = text.replace(f'    "{app}",\n', f'    "{classes[app]}",\n')
        base.write_text(text.replace(f"{APPS}\n", f'{APPS}\n    "{classes["django.contrib.admin"]}",\n'))

    turn_on(project, answers)

    programs = projects.environment(project, environments)
    assert "OK" in run([programs / "python", *WARNINGS, "manage.py", "test"], project)
    assert "Success" in run([programs / "mypy", "--cache-dir", programs.parent / "mypy", "."], project)
    run([programs / "ruff", "check", "."], project)


@pytest.mark.slow
def test_a_project_with_settings_and_urls_of_its_own_starts_with_features(
    project: Path, environments: Path, answers: dict[str, object]
) -> None:
    base, urls = (project / "my_site" / name for name in ("settings/base.py", "urls.py"))
    base.write_text(base.read_text() + SETTINGS)
    marker = "    # The URLs of your own apps go below this line.\n"
    assert marker in urls.read_text()
    urls.write_text(urls.read_text().replace(marker, marker + URLS.lstrip("\n")))

    turn_on(project, answers)

    programs = projects.environment(project, environments)
    for module in ("development", "test"):
        run(
            [programs / "python", "manage.py", "check"],
            project,
            {"DJANGO_SETTINGS_MODULE": f"my_site.settings.{module}"},
        )
