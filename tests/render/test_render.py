"""What Copier writes is final: formatted, linted, parseable, deterministic, and silent about features that are off."""

import ast
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from jinja2 import Environment
from pytest_copie.plugin import Copie

from ..harness import projects
from ..harness.answers import OTHER, all_combinations, complete, identify, is_asked, pairwise, questions
from ..harness.commands import run
from ..update.flips import bases

JINJA = Environment()

# Words that a project may contain only if its answers make the expression true, like a yes/no question.
WORDS = {
    "use_drf": re.compile(
        r"rest.?framework|\bdrf|viewset|/api/|swagger|throttle[sd]|(?-i:Throttle)"
        r"|(?<!core\.)(?<!core import )serializer(?!s\.(?:de)?serialize\()",
        re.I,
    ),
    "oauth2_provider": re.compile(r"oauth|cleartokens|expired_tokens", re.I),
    "use_celery": re.compile(r"celery|redis|\bbroker|\bworker runs", re.I),
    "include_example": re.compile(r"\bpeople\b|\bperson\b|\bclubs?\b|\beditors?\b|tqdm", re.I),
    "database == 'postgresql'": re.compile(r"postgres|psycopg", re.I),
    # In every project, a URL may set the options of SQLite.
    "database == 'sqlite'": re.compile(r'\bWAL\b|(?<!"EXCLUSIVE", ")IMMEDIATE'),
    "server == 'asgi'": re.compile(r"servestatic|uvloop|my_site\.asgi|sync_to_async\(render\)"),
    "server == 'wsgi'": re.compile(r"whitenoise|gthread|my_site\.wsgi"),
    "'docker' in deployment": re.compile(r"docker|\bcontainers?\b|compose\.|mailpit|watchfiles", re.I),
    "deployment != []": re.compile(r"nginx", re.I),
    "'nginx_supervisor' in deployment": re.compile(r"Supervisor|supervisor(?!s)|upstream-server"),
    "update_bot == 'renovate'": re.compile(r"renovate", re.I),
    "update_bot == 'github'": re.compile(r"\.github|github-actions"),
    "accounts != 'none'": re.compile(r"password_(reset|change)\b|SITE_URL|password/"),
    "accounts == 'allauth'": re.compile(r"(?<!\|)allauth|\bACCOUNT_"),
    "two_factor": re.compile(r"two.?factor|\bmfa\b|MFA_|passkey", re.I),
    "use_drf or include_example": re.compile(r"django.filter", re.I),
    # settings.AUTH_USER_MODEL is valid with every user model.
    "user_model != 'django'": re.compile(r"\busers/|\"users|'users|(?<!settings\.)AUTH_USER_MODEL"),
    "object_permissions": re.compile(r"guardian|object_permissions|assign_perm|GenericRelation|shared with", re.I),
}


def switches() -> dict[str, re.Pattern[str]]:
    """Return the words of the yes/no questions that WORDS lacks: the name of the question, without use_ or include_."""
    names = [name for name, question in questions().items() if question["type"] == "bool" and name not in WORDS]
    return {name: re.compile(re.sub("^(use|include)_", "", name).replace("_", ".?"), re.I) for name in names}


def unsaid(answers: dict[str, Any]) -> dict[str, re.Pattern[str]]:
    """Return the words that a project with these answers must not contain, by the false expression."""
    known, words = complete(answers), WORDS | switches()
    return {condition: words[condition] for condition in words if not JINJA.compile_expression(condition)(known)}


def test_a_project_with_everything_contains_the_words_of_each_switch(template: Path, tmp_path: Path) -> None:
    project = projects.render(template, tmp_path / "project", bases()["largest"])
    written = projects.files(project)
    written.pop(".copier-answers.yml")
    text = "".join(f"{name}\n{content.decode()}" for name, content in written.items())

    words = WORDS | switches()
    names = [name for name, question in questions().items() if question["type"] == "bool"]
    missing = [name for name in names if not words[name].search(text)]
    assert missing == [], f"No file contains the words of {missing}: add better ones to WORDS in {__file__}."


def check_files(project: Path) -> None:
    """Check everything that does not need a running project."""
    run(["ruff", "format", "--no-cache", "--check", "."], project)
    run(["ruff", "check", "--no-cache", "."], project)
    for name, content in projects.files(project).items():
        text = content.decode()
        if name.endswith((".py", ".py-tpl")) and "{{" not in text:
            ast.parse(text, name)
        elif name.endswith(".toml"):
            tomllib.loads(text)
        elif name.endswith((".yml", ".yaml")):
            yaml.safe_load(text)
        elif name.endswith(".json"):
            json.loads(text)
        # test_pages.py has Django templates.
        assert "{%" not in text or name.endswith((".html", "-tpl", "/test_pages.py")), f"{name} still contains a tag"
        if not name.endswith((".html", "-tpl", "context_processors.py")):
            assert "{{" not in text.replace("${{", ""), f"{name} still contains an expression"
        assert "\n\n\n\n" not in text, f"{name} has a run of blank lines"
        assert name.endswith((".py", ".py-tpl")) or "\n\n\n" not in text, f"{name} has a run of blank lines"
        assert not re.search(r"[ \t]$", text, re.MULTILINE), f"{name} has trailing space"
        assert not text or (text.endswith("\n") and not text.endswith("\n\n")), f"{name} does not end in one newline"
        assert not text.startswith("\n"), f"{name} starts with a blank line"
        assert "\r" not in text
    empty = [path for path in project.rglob("*") if path.is_dir() and not list(path.iterdir())]
    assert empty == []


@pytest.mark.slow
@pytest.mark.parametrize("answers", [*all_combinations(), *pairwise()], ids=identify)
def test_combination(template: Path, copie: Copie, answers: dict[str, Any]) -> None:
    result = copie.copy(extra_answers=answers, template_dir=template)

    assert result.exception is None
    assert result.project_dir is not None
    check_files(result.project_dir)
    written = projects.files(result.project_dir)
    texts = {name: f"{name}\n{content.decode()}" for name, content in written.items() if name != ".copier-answers.yml"}
    for condition, words in unsaid(answers).items():
        for name, text in texts.items():
            found = words.search(text)
            assert not found, f"{name} says {found and found[0]!r} without {condition}"


@pytest.mark.parametrize("base", bases())
def test_the_same_answers_give_the_same_files(template: Path, tmp_path: Path, base: str) -> None:
    first, second = (projects.render(template, tmp_path / name, bases()[base]) for name in ("first", "second"))

    assert projects.files(first) == projects.files(second)


@pytest.mark.parametrize(
    ("slug", "app"),
    [("a", "b"), ("b", "a"), ("z" * 30, "y" * 30), ("a" * 30, "z"), ("zoo", "a" * 30)],
)
@pytest.mark.parametrize("base", bases())
def test_names_of_any_length(template: Path, tmp_path: Path, slug: str, app: str, base: str) -> None:
    answers = {name: value for name, value in bases()[base].items() if name not in OTHER}
    answers |= {"project_slug": slug, "app_name": app}

    check_files(projects.render(template, tmp_path / "project", answers))


def test_the_modes_of_files(template: Path, tmp_path: Path) -> None:
    project = projects.render(template, tmp_path / "project", {})

    executable = [name for name in projects.files(project) if (project / name).stat().st_mode & 0o100]
    assert executable == ["manage.py"]


def test_the_answers_file_has_every_question(template: Path, tmp_path: Path) -> None:
    project = projects.render(template, tmp_path / "project", {})

    stored = yaml.safe_load((project / ".copier-answers.yml").read_text())
    assert stored.pop("template") == "django-evergreen"
    assert {name for name in stored if not name.startswith("_")} == {name for name in questions() if is_asked(name, {})}
    assert stored["_commit"] == "1.0.0"


def test_the_message_names_the_next_commands(template: Path, tmp_path: Path) -> None:
    output = run(["copier", "copy", "--defaults", str(template), "my site"], tmp_path)

    for command in ["cd 'my site'", "git init", "uv sync", "uv run manage.py migrate", "uv run manage.py runserver"]:
        assert command in output


def test_no_section_of_the_readme_ends_with_a_condition(template: Path) -> None:
    """A conditional block in front of a heading would conflict with a section that a user adds there."""
    readme = (template / "template" / "README.md.jinja").read_text()

    ends = re.findall(r"\n([^\n]+)\n+## ", readme)
    assert len(ends) == 4
    assert [end for end in ends if end.startswith("{%")] == []


def test_the_default_project_stays_small(template: Path, tmp_path: Path) -> None:
    """New users look at every file. A new feature is off by default, or earns its files."""
    project = projects.render(template, tmp_path / "project", {})

    written = projects.files(project)
    lines = {name: len(content.splitlines()) for name, content in written.items() if "/settings/" in name}
    example = [name for name in written if name.startswith(("clubs/", "people/"))]
    assert len(written) - len(example) <= 130
    assert len(written) <= 180
    assert lines.pop("my_site/settings/base.py") <= 200
    assert lines.pop("my_site/settings/env.py") <= 75
    assert max(lines.values()) <= 85


def test_the_package_with_the_settings_has_few_modules(template: Path, tmp_path: Path) -> None:
    """Newcomers find each behaviour by the names alone. Put a new feature into a folder, not into one more module."""
    project = projects.render(template, tmp_path / "project", bases()["largest"] | {"project_slug": "my_site"})

    modules = sorted(path.name for path in (project / "my_site").glob("*.py"))
    assert len(modules) <= 12, modules
