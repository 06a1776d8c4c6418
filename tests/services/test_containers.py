"""The Dockerfile and the Compose files are linted and consistent. test_compose.py runs them."""

import re
import shlex
import shutil
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ..harness import projects
from ..harness.answers import Answers, identify
from ..harness.commands import run
from .containers import compose, variables_of

pytestmark = pytest.mark.slow

ROWS: list[Answers] = [
    {"deployment": ["docker"], "database": database, "server": server, "use_celery": celery, "accounts": accounts}
    for database, server, celery in product(("postgresql", "sqlite"), ("wsgi", "asgi"), (False, True))
    for accounts in (["django", "none"] if celery else ["django"])
]
GIVEN = projects.PRODUCTION | {"CERTIFICATES": "/certificates", "POSTGRES_PASSWORD": "made-for_it"}


@pytest.fixture(scope="module", params=ROWS, ids=identify)
def project(request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return projects.render(template, tmp_path_factory.mktemp("containers") / "project", request.param)


def of_project(services: dict[str, Any]) -> dict[str, Any]:
    """Return the services that run the project's own image."""
    return {name: service for name, service in services.items() if "env_file" in service}


def seconds(duration: str) -> int:
    return int(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]


def test_linters_have_nothing_to_say(project: Path) -> None:
    assert run(["hadolint", "Dockerfile"], project) == ""
    run(["check-jsonschema", "--builtin-schema", "vendor.compose-spec", *project.glob("compose*.yaml")], project)


def test_production_gets_every_variable_that_it_requires(project: Path) -> None:
    settings = (project / "my_site" / "settings" / "production.py").read_text()
    required = set(re.findall(r'^    "([A-Z_]+)": ', settings, re.M))
    assert "SECRET_KEY" in required

    services = of_project(compose(project, "compose.production.yaml")["services"])

    assert {"migrate", "web"} <= services.keys()
    for name, service in services.items():
        assert required <= service["environment"].keys(), name


def test_variables_provide_the_values_of_production(project: Path) -> None:
    """Variables provide secrets and values that differ between installations. Compose names missing ones."""
    text = (project / "compose.production.yaml").read_text()
    names = set(re.findall(r"\$\{(\w+)", text))
    services = compose(project, "compose.production.yaml")["services"]

    assert set(re.findall(r"\$\{\w+(?!\w|:\?[^}]+\})", text)) == {"${RELEASE"}
    assert names <= GIVEN.keys() | {"RELEASE"}
    for service in services.values():
        for name, value in service.get("environment", {}).items():
            assert name in {"POSTGRES_USER", "FORWARDED_ALLOW_IPS", "REDIS_URL"} or "${" in value or "sqlite:" in value


def test_containers_have_time_to_finish_their_work(project: Path) -> None:
    services = compose(project, "compose.production.yaml")["services"]
    graceful = re.search(r"graceful_timeout = (\d+)", (project / "gunicorn.conf.py").read_text())
    assert graceful is not None

    assert seconds(services["web"]["stop_grace_period"]) > int(graceful[1])
    assert seconds(services["nginx"]["stop_grace_period"]) > int(graceful[1])
    if "worker" in services:
        limit = re.search(r'"task_time_limit": (\d+)', (project / "my_site" / "celery.py").read_text())
        assert limit is not None
        assert seconds(services["worker"]["stop_grace_period"]) > int(limit[1])


def test_nginx_turns_on_http2_in_the_way_of_its_version(project: Path, tmp_path: Path) -> None:
    folder, dockerfile = project / "deploy" / "nginx", (project / "Dockerfile").read_text()
    edit = re.search(r"^RUN (sed .*) /etc/nginx/conf.d/site.conf$", dockerfile, re.MULTILINE)
    assert edit is not None
    site = shutil.copy(folder / "site.conf", tmp_path)

    run([*shlex.split(edit[1]), site], tmp_path)

    listen = re.findall(r"listen .*443.*;", Path(site).read_text())
    assert len(listen) == 4
    assert not any("http2" in line for line in listen)
    assert "\nhttp2 on;\n" in (folder / "upstream-containers.conf").read_text()


def test_only_nginx_is_reachable_from_outside(project: Path) -> None:
    file = compose(project, "compose.production.yaml")
    services = file["services"]

    assert [name for name, service in services.items() if "ports" in service] == ["nginx"]
    assert file["networks"]["data"] == {"internal": True}
    assert services["nginx"]["networks"] == ["front"]
    for name in services.keys() & {"db", "redis"}:
        assert services[name]["networks"] == ["data"]
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["read_only"] is True, name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_production_starts_in_order_and_restarts(project: Path) -> None:
    services = compose(project, "compose.production.yaml")["services"]

    for name, service in services.items():
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped"), name
        for other, how in service.get("depends_on", {}).items():
            condition = "service_completed_successfully" if other == "migrate" else "service_healthy"
            assert how == {"condition": condition}, name
            # The health check of web is in its image.
            assert other in ("migrate", "web") or "test" in services[other]["healthcheck"], other
        if name in of_project(services).keys() - {"migrate"}:
            assert "migrate" in service["depends_on"], name
    assert ("db" in services) == ("db" in services["migrate"].get("depends_on", {}))


def test_lasting_data_is_in_volumes(project: Path) -> None:
    for name in ("compose.yaml", "compose.production.yaml"):
        file = compose(project, name)
        mounted = {
            volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
            for service in file["services"].values()
            for volume in service.get("volumes", [])
        }
        assert {volume for volume in mounted if re.match(r"\w", volume)} == file["volumes"].keys()
    services = compose(project, "compose.production.yaml")["services"]
    if "db" in services:
        assert services["db"]["volumes"] == ["database:/var/lib/postgresql"]
    else:
        database = services["web"]["environment"]["DATABASE_URL"].removeprefix("sqlite:///")
        for name in of_project(services).keys() - {"beat"}:
            assert f"data:{Path(database).parent}" in services[name]["volumes"], name
    if "redis" in services:
        assert services["redis"]["command"] == ["redis-server", "--appendonly", "yes"]
        assert services["redis"]["volumes"] == ["redis:/data"]


def test_containers_run_the_release_commands_of_the_readme(project: Path) -> None:
    """The image and the migrate step together run the commands of a release without containers."""
    readme = (project / "README.md").read_text().split("## Run it in production")[1]
    release = readme.split("```sh\n")[1]
    listed = re.findall(r"^uv run --no-sync manage.py (.*)$", release, re.M)
    migrate = compose(project, "compose.production.yaml")["services"]["migrate"]["command"][-1]
    image = (project / "Dockerfile").read_text()

    done = re.findall(r"python manage.py (.*)", migrate) + re.findall(r"python manage.py (.*)", image)

    assert done == listed
    server = re.search(r'\nCMD \["(.*)"\]\n$', image)
    assert server is not None
    assert f"uv run --no-sync {server[1].replace('", "', ' ')}\n" in readme


def test_development_needs_no_variables_and_listens_on_loopback(project: Path) -> None:
    services = compose(project, "compose.yaml")["services"]

    assert "${" not in (project / "compose.yaml").read_text()
    assert {port.rsplit(":", 2)[0] for service in services.values() for port in service.get("ports", [])} == {
        "127.0.0.1"
    }
    for name, service in services.items():
        # Commands choose their own settings, because tests have other ones.
        assert ("DJANGO_SETTINGS_MODULE" in service.get("environment", {})) == (name == "worker"), name


@pytest.mark.parametrize(
    "answers",
    [
        {"database": "postgresql", "server": "wsgi"},
        {"database": "sqlite", "server": "asgi", "use_celery": True},
    ],
    ids=identify,
)
def test_production_accepts_the_variables_of_compose(
    template: Path, tmp_path: Path, environments: Path, answers: Answers
) -> None:
    project = projects.render(template, tmp_path / "project", answers | {"deployment": ["docker"]})
    programs = projects.environment(project, environments, production=True)
    for name, service in of_project(compose(project, "compose.production.yaml")["services"]).items():
        variables = variables_of(service, GIVEN) | {"DJANGO_SETTINGS_MODULE": "my_site.settings.production"}

        assert "no issues" in run([programs / "python", "manage.py", "check", "--deploy"], project, variables), name
        run([programs / "gunicorn", f"my_site.{answers['server']}", "--check-config"], project, variables)
