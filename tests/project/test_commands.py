"""The commands of every Django project, as a README names them."""

import re
import urllib.request
from pathlib import Path

import pytest

from ..harness import projects
from ..harness.answers import Answers
from ..harness.commands import Command, manage, run
from .checks import serving_development

pytestmark = pytest.mark.slow


@pytest.fixture(
    scope="module",
    params=[{"use_celery": True, "server": "asgi"}, {"use_drf": False, "user_model": "django", "database": "sqlite"}],
    ids=["large", "small"],
)
def answers(request: pytest.FixtureRequest) -> Answers:
    given: Answers = request.param
    return given


@pytest.fixture
def project(template: Path, tmp_path: Path, answers: Answers) -> Path:
    return projects.render(template, tmp_path / "project", answers)


@pytest.fixture
def programs(project: Path, environments: Path) -> Path:
    return projects.environment(project, environments)


def test_the_commands_of_every_day(project: Path, programs: Path, answers: Answers) -> None:
    def manage(*arguments: str, **variables: str) -> str:
        return run([programs / "python", "manage.py", *arguments], project, variables)

    assert "Applying" in manage("migrate")
    assert "CREATE TABLE" in manage("sqlmigrate", "people", "0001")
    person = "from people.models import Person; Person.objects.create(name='Ada', age=36, email='a@example.com')"
    manage("shell", "--command", person)
    manage("shell", "--command", "print(Person.objects.get())")
    name = {} if answers.get("user_model") == "email" or "user_model" not in answers else {"USERNAME": "admin"}
    account = {"EMAIL": "admin@example.com", "PASSWORD": "a long enough password"} | name
    superuser = {f"DJANGO_SUPERUSER_{key}": value for key, value in account.items()}
    assert "created" in manage("createsuperuser", "--no-input", **superuser)
    (project / "scripts").mkdir()
    (project / "scripts" / "count.py").write_text(
        "from people.models import Person\n\n\ndef run():\n    print('people:', Person.objects.count())\n"
    )
    assert "people: 1" in manage("runscript", "count")
    manage("flush", "--no-input")
    assert "people: 0" in manage("runscript", "count")
    assert "static files copied" in manage("collectstatic", "--no-input")
    assert "No changes" in manage("makemigrations")


def enable(project: Path, output: str) -> None:
    """Follow what startapp prints: add lines to files, or change them."""
    for file, addition in re.findall(r"^  (\S+) +add (.+?)(?: to LOCAL_APPS)?$", output, re.MULTILINE):
        path = project / file
        marker = re.search(r"^    # (?:Your own apps|The URLs of your own apps) go below.*\n", path.read_text(), re.M)
        assert marker is not None
        path.write_text(path.read_text().replace(marker[0], f"{marker[0]}    {addition},\n"))
    for file, name in re.findall(r"^  (\S+) +change name to (.+)$", output, re.MULTILINE):
        path = project / file
        path.write_text(re.sub(r"name = .+", f"name = {name}", path.read_text()))


def check_app(project: Path, programs: Path, test: str) -> str:
    """Run the tools and the tests of an app, and return what pytest prints."""
    output = ""
    for command in (
        ["ruff", "format", "--check", "."],
        ["ruff", "check", "."],
        ["mypy", "."],
        ["python", "manage.py", "makemigrations", "--check"],
        ["python", "manage.py", "test", test],
        ["pytest", "-q", test.replace(".", "/")],
    ):
        output = run([programs / command[0], *command[1:]], project)
    return output


def test_a_second_database_migrates_by_itself(project: Path, programs: Path) -> None:
    (project / "two.py").write_text(
        "from my_site.settings.development import *\n"
        "from my_site.settings.development import BASE_DIR, DATABASES\n"
        'DATABASES["other"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "other.sqlite3"}\n'
    )
    other = ["--database", "other"]

    migrated = manage(
        project, programs, {"DJANGO_SETTINGS_MODULE": "two"}, ["migrate", *other], ["showmigrations", *other]
    )

    assert " [X] " in migrated
    assert " [ ] " not in migrated
    assert not (project / "db.sqlite3").exists()


def test_startapp_makes_an_app_in_the_style_of_the_project(project: Path, programs: Path, answers: Answers) -> None:
    output = run([programs / "python", "manage.py", "startapp", "order_items"], project)

    enable(project, output)
    assert "2 passed" in check_app(project, programs, "order_items")
    made = {path.relative_to(project / "order_items").as_posix() for path in (project / "order_items").rglob("*.*")}
    made = {name for name in made if "__pycache__" not in name}
    assert made == {
        "__init__.py",
        "admin.py",
        "apps.py",
        "migrations/__init__.py",
        "models.py",
        "templates/order_items/index.html",
        "tests/__init__.py",
        "tests/test_views.py",
        "urls.py",
        "views.py",
        *(["api.py", "serializers.py"] if answers.get("use_drf", True) else []),
        *(["tasks.py"] if answers.get("use_celery") else []),
    }


MODEL = """\
from django.db import models


class Thing(models.Model):
    name = models.TextField()

    def __str__(self) -> str:
        return self.name
"""


def test_startapp_makes_apps_in_a_folder(project: Path, programs: Path) -> None:
    """Django's own syntax works: an empty or a new folder, another name than the folder's, several apps."""
    (project / "shops" / "orders").mkdir(parents=True)
    for name, folder in [("orders", "shops/orders"), ("stock", str(project / "shops" / "warehouse") + "/")]:
        enable(project, run([programs / "python", "manage.py", "startapp", name, folder], project))

    for folder in ("orders", "warehouse"):
        (project / "shops" / folder / "models.py").write_text(MODEL)
    run([programs / "python", "manage.py", "makemigrations", "orders", "stock"], project)
    for test in ("shops.orders", "shops.warehouse"):
        check_app(project, programs, test)
    assert "OK" in run([programs / "python", "manage.py", "test"], project)
    assert "'orders' is taken" in run([programs / "python", "manage.py", "startapp", "orders"], project, fails=True)


def test_startapp_takes_other_templates(project: Path, programs: Path) -> None:
    django = run([programs / "python", "-c", "import django; print(django.__path__[0])"], project).strip()
    template = f"--template={django}/conf/app_template"

    output = run([programs / "python", "manage.py", "startapp", "stock", "shops/stock", template], project)

    assert "urls.py" not in output
    enable(project, output)
    assert "no issues" in run([programs / "python", "manage.py", "check"], project)


def test_startapp_refuses_what_django_refuses(project: Path, programs: Path) -> None:
    output = run([programs / "python", "manage.py", "startapp", "not-a-name"], project, fails=True)

    assert "CommandError: 'not-a-name' is not a valid app name" in output
    assert not (project / "not-a-name").exists()


@pytest.mark.parametrize("user_model", ["email", "username"])
def test_a_changed_user_model_migrates(template: Path, tmp_path: Path, environments: Path, user_model: str) -> None:
    """A team can extend its own user model like any other."""
    project = projects.render(template, tmp_path / "project", {"user_model": user_model})
    programs = projects.environment(project, environments)
    models = project / "users" / "models.py"
    phone = "    phone = models.CharField(max_length=30, blank=True)\n"
    text = models.read_text()
    if user_model == "email":
        models.write_text(text.replace("    is_staff = ", f"{phone}    is_staff = ", 1))
    else:
        models.write_text(f"{text}\n{phone}".replace("\n\n\nclass", "\nfrom django.db import models\n\n\nclass", 1))
    run([programs / "python", "manage.py", "migrate"], project)

    made = run([programs / "python", "manage.py", "makemigrations", "users"], project)
    run([programs / "python", "manage.py", "migrate"], project)

    assert "Add field phone" in made
    assert "OK" in run([programs / "python", "manage.py", "test", "users"], project)
    run([programs / "ruff", "format", "--check", "."], project)
    run([programs / "ruff", "check", "."], project)


def test_variables_of_the_env_file_are_read(project: Path, programs: Path) -> None:
    (project / ".env").write_text("ADMIN_PATH=behind-the-scenes\n")

    with serving_development(project, programs) as address:
        page = urllib.request.urlopen(f"{address}/behind-the-scenes/login/").read().decode()

    assert "My Site" in page


def test_the_env_file_is_taken_literally_and_the_environment_wins(project: Path, programs: Path) -> None:
    (project / ".env").write_text("DEFAULT_FROM_EMAIL='My Site <$a${HOME}@example.com>'\nADMIN_PATH=unseen\n")
    code = "from my_site.settings.base import ADMIN_PATH, DEFAULT_FROM_EMAIL; print(ADMIN_PATH, DEFAULT_FROM_EMAIL)"

    output = run([programs / "python", "-c", code], project, {"ADMIN_PATH": "seen"})

    assert output.strip() == "seen/ My Site <$a${HOME}@example.com>"


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("SECRET_KEY", "short", "SECRET_KEY cannot be used: it has to have at least 50 random characters."),
        ("DATABASE_URL", "mysql://localhost/x", "DATABASE_URL cannot be used: it has to look like "),
        ("DATABASE_URL", "nonsense", "DATABASE_URL cannot be used: it has to look like "),
        ("DATABASE_URL", "postgresql:////run/site", "DATABASE_URL cannot be used: it has to look like "),
        ("SITE_URL", "http://example.com", "SITE_URL cannot be used: it has to look like https://www.example.com."),
        ("EMAIL_PORT", "smtp", "EMAIL_PORT cannot be used: Not a valid integer."),
        ("EMAIL_USE_TLS", "yess", "EMAIL_USE_TLS cannot be used: use on or off."),
        ("LOG_LEVEL", "loud", "LOG_LEVEL cannot be used: use DEBUG, INFO, WARNING, ERROR or CRITICAL."),
        ("ALLOWED_HOSTS", "  ", "Set ALLOWED_HOSTS: .env.example says what each is."),
    ],
)
def test_production_names_an_invalid_variable(
    project: Path, environments: Path, answers: Answers, name: str, value: str, sentence: str
) -> None:
    programs = projects.environment(project, environments, production=True)
    sqlite = answers.get("database") == "sqlite"
    variables = projects.PRODUCTION | {
        "DATABASE_URL": "sqlite:////tmp/x" if sqlite else "postgresql://user@127.0.0.1:1/x",
        "DJANGO_SETTINGS_MODULE": "my_site.settings.production",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    command: Command = [programs / "python", "-c", "import my_site.settings.production"]
    run(command, project, variables)

    output = run(command, project, variables | {name: value}, fails=True)

    assert sentence in output.strip().splitlines()[-1]


def test_production_requires_a_valid_redis_url(template: Path, tmp_path: Path, environments: Path) -> None:
    project = projects.render(template, tmp_path / "project", {"use_celery": True})
    programs = projects.environment(project, environments, production=True)
    variables = projects.PRODUCTION | {
        "DATABASE_URL": "postgresql://user@127.0.0.1:1/x",
        "REDIS_URL": "localhost:6379",
    }

    command: Command = [programs / "python", "-c", "import my_site.settings.production"]
    output = run(command, project, variables, fails=True)

    assert output.strip().endswith("REDIS_URL cannot be used: it has to look like redis://localhost/0.")


def test_a_connection_to_sqlite_serves_many_requests(template: Path, tmp_path: Path, environments: Path) -> None:
    project = projects.render(template, tmp_path / "project", {"database": "sqlite"})
    programs = projects.environment(project, environments, production=True)
    variables = projects.PRODUCTION | {"DJANGO_SETTINGS_MODULE": "my_site.settings.production"}
    url = f"sqlite:///{tmp_path / 'site.sqlite3'}"

    def keeps(url: str) -> str:
        """Return whether the connection of a request is still open after it."""
        code = (
            "from django.core.signals import request_finished, request_started; from django.db import connection;"
            "request_started.send(None); connection.ensure_connection(); request_finished.send(None);"
            "print(connection.connection is not None)"
        )
        command = ["shell", "--no-imports", "--command", code]
        return manage(project, programs, variables | {"DATABASE_URL": url}, command).strip()

    assert keeps(url) == "True"
    assert keeps(f"{url}?conn_max_age=0") == "False"


def test_production_without_its_settings_names_the_variable(project: Path, environments: Path, programs: Path) -> None:
    production = projects.environment(project, environments, production=True)
    named = {"DJANGO_SETTINGS_MODULE": "my_site.settings.production"}
    ready = projects.PRODUCTION | {
        "DATABASE_URL": "postgresql://user@127.0.0.1:1/x",
        "REDIS_URL": "redis://127.0.0.1:1",
    }

    wrong = run([production / "python", "manage.py", "check"], project, fails=True)
    development = run([programs / "python", "manage.py", "check", "--deploy"], project, ready | named, fails=True)

    last = wrong.strip().splitlines()[-1]
    assert "my_site.settings.development needs debug_toolbar: " in last
    assert last.endswith("set the variable DJANGO_SETTINGS_MODULE to my_site.settings.production.")
    last = development.strip().splitlines()[-1]
    assert "my_site.settings.production needs pythonjsonlogger and " in last
    assert "uv sync --group production" in last


def test_development_accepts_the_hosts_of_the_variable(project: Path, programs: Path) -> None:
    (project / ".env").write_text("ALLOWED_HOSTS=pc.example, 192.0.2.1\n")

    with serving_development(project, programs) as address:
        statuses = []
        for host in ["pc.example", "192.0.2.1", "localhost", "a.localhost", "127.0.0.1", "[::1]", "evil.example"]:
            try:
                asked = urllib.request.Request(f"{address}/", headers={"Host": host})
                statuses.append(urllib.request.urlopen(asked).status)
            except urllib.error.HTTPError as error:
                statuses.append(error.code)

    assert statuses == 6 * [200] + [400]


def test_the_tests_ignore_exported_variables(project: Path, programs: Path) -> None:
    """Both runners use the settings for tests, and not the variables of the others."""
    names = re.findall(r"^# ([A-Z_]+)=", (project / ".env.example").read_text(), re.M)
    exported = {name: "nonsense ~" for name in names if name != "DATABASE_URL"}
    exported |= {"CELERY_BROKER_URL": "nonsense://", "DEBUG": "1", "DJANGO_SETTINGS_MODULE": "nonsense"}

    assert "OK" in run([programs / "python", "manage.py", "test", "--keepdb"], project, exported)
    assert "passed" in run([programs / "pytest", "--reuse-db"], project, exported)
    assert "passed" in run([programs / "pytest", "--reuse-db"], project, exported)


def test_tests_do_not_depend_on_variables(project: Path, programs: Path) -> None:
    """The tests pass whatever .env contains."""
    values = dict(re.findall(r"^# ([A-Z_]+)=(.*)", (project / ".env.example").read_text(), re.M))
    values |= {"ADMIN_PATH": "elsewhere", "NUM_PROXIES": "3"}
    del values["DATABASE_URL"]
    (project / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()))

    assert "OK" in run([programs / "python", "manage.py", "test"], project)


def test_production_installs_few_packages(template: Path, tmp_path: Path, environments: Path) -> None:
    programs = projects.environment(projects.render(template, tmp_path / "project", {}), environments, production=True)

    installed = list(programs.parent.glob("lib/python*/site-packages/*.dist-info"))

    # If this fails, check which packages a new dependency requires.
    assert 10 < len(installed) <= 35
