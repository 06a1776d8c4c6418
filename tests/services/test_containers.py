"""The Dockerfile and the Compose files are linted, consistent, and, with buildah, built and run."""

import os
import re
import shlex
import shutil
import urllib.request
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ..harness import projects, servers
from ..harness.answers import Answers, identify
from ..harness.commands import run
from ..harness.servers import free_port, wait_until
from .containers import CAN_BUILD, CANNOT_BUILD, DEFAULT_SITE, Buildah, Container, compose, variables_of
from .serving import Site

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

    assert re.findall(r"\$\{\w+(?!\w|:\?[^}]+\})", text) == []
    assert names <= GIVEN.keys()
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


images = [
    pytest.mark.xdist_group("containers"),
    pytest.mark.skipif(not CAN_BUILD, reason=CANNOT_BUILD),
]


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    builder = Buildah(tmp_path_factory.mktemp("buildah"))
    try:
        builder.make_bases()
        yield builder
    finally:
        builder.remove()


def locked(template: Path, folder: Path, answers: Answers) -> Path:
    """Create a project like a team's: with a lock file, and with files that must not be in an image."""
    project = projects.render(template, folder / "project", answers | {"deployment": ["docker"]})
    run([projects.UV, "lock", "--quiet"], project)
    for name in (".env", ".env.production", "db.sqlite3", "media/upload.txt", "my_site/__pycache__/urls.pyc"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("for nobody else\n")
    # Not part of this test.
    (project / "deploy" / "nginx" / "site.conf").touch()
    return project


class TestImages:
    pytestmark = images

    @pytest.mark.parametrize("answers", [{"use_celery": True}, {"database": "sqlite", "server": "asgi"}], ids=identify)
    def test_production_runs(self, buildah: Buildah, template: Path, tmp_path: Path, answers: Answers) -> None:
        project = locked(template, tmp_path, answers)
        image = buildah.build(project, "production")
        check_image(buildah, image)
        services = compose(project, "compose.production.yaml")["services"]
        data = tmp_path / "data"
        data.mkdir()
        shutil.chown(data, 10001, 10001)
        port = free_port()
        with servers.postgres() as database, servers.redis() as redis:
            variables = variables_of(services["web"], GIVEN)
            variables["FORWARDED_ALLOW_IPS"] += ",127.0.0.1"  # the address of the test's requests
            variables["PORT"] = str(port)
            if "db" in services:
                variables["DATABASE_URL"] = database.create_database("site")
            if "redis" in services:
                variables["REDIS_URL"] = redis.url
            container = Container(buildah, image, variables, {data: "/var/lib/my_site"})
            container.run(*services["migrate"]["command"])
            log = tmp_path / "web.log"
            with container.running(buildah.configuration(image)["Cmd"], log) as process:
                site = Site(port, log, process)
                wait_until(lambda: answers_well(site), 30, "the web server starts")

                assert "<h1>My Site</h1>" in site.ask("/").body
                assert site.ask("/readyz").status == 200
                check = [
                    part.replace("8000", str(port)) for part in buildah.configuration(image)["Healthcheck"]["Test"]
                ]
                container.run(*check[1:])
                stylesheet = re.search(r'href="(/static/site/site\.\w+\.css)"', site.ask("/").body)
                assert stylesheet is not None
                assert site.ask(stylesheet[1]).status == 200
            if "worker" in services:
                check_celery(container, services, tmp_path)
            # In production, only these parts of the file system are writable.
            written = container.run("sh", "-c", "find / -xdev -user 10001 2> /dev/null || true").splitlines()
            kept = ("/tmp", "/dev", "/srv/my_site/media", "/var/lib/my_site")
            assert [path for path in written if not path.startswith(kept)] == []

    def test_nginx_has_the_static_files(self, buildah: Buildah, template: Path, tmp_path: Path) -> None:
        image = buildah.build(locked(template, tmp_path, {}), "nginx")

        container = Container(buildah, image, {})

        assert container.run("ls", str(Path(DEFAULT_SITE).parent)).split() == ["site.conf", "upstream-containers.conf"]
        assert re.search(r"site\.\w{12}\.css\.gz", container.run("ls", "/srv/my_site/staticfiles/site"))

    def test_a_production_image_needs_a_current_lock_file(
        self, buildah: Buildah, template: Path, tmp_path: Path
    ) -> None:
        project = projects.render(template, tmp_path / "project", {"deployment": ["docker"]})

        flags = ["--isolation", "chroot", "--pull-never", "--layers"]
        assert "uv.lock" in buildah("bud", *flags, "--target", "production", project, fails=True)

        run([projects.UV, "lock", "--quiet"], project)
        packages = (project / "pyproject.toml").read_text()
        assert "production = [\n" in packages
        (project / "pyproject.toml").write_text(packages.replace("production = [\n", 'production = [\n    "six",\n'))
        assert "--locked" in buildah("bud", *flags, "--target", "production", project, fails=True)

    def test_development_needs_one_command(self, buildah: Buildah, template: Path, tmp_path: Path) -> None:
        """The project is new, belongs to a user other than root, and has no lock file, no .env, and no packages."""
        project = projects.render(template, tmp_path / "project", {"deployment": ["docker"], "use_celery": True})
        run(["chown", "--recursive", "12345:12345", project], tmp_path)
        image = buildah.build(project, "development")
        environment = tmp_path / "environment"
        environment.mkdir()
        services = compose(project, "compose.yaml")["services"]
        entrypoint = buildah.configuration(image)["Entrypoint"]
        with servers.postgres() as database, servers.redis() as redis, servers.mail() as (mail_port, mailbox):
            places = {
                "DATABASE_URL": database.create_database("site"),
                "EMAIL_HOST": "127.0.0.1",
                "EMAIL_PORT": str(mail_port),
                "REDIS_URL": redis.url,
                **({"SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt"} if "SSL_CERT_FILE" in os.environ else {}),
            }
            assert places.keys() - {"SSL_CERT_FILE"} <= services["web"]["environment"].keys()
            mounts = {project: "/srv/my_site", environment: "/environment"}
            container = Container(buildah, image, variables_of(services["worker"], {}) | places, mounts)
            mode = Container(buildah, image, {}).run("stat", "--format", "%a", "/environment")
            assert mode == "1777"
            environment.chmod(int(mode, 8))

            container.run(*entrypoint, *services["migrate"]["command"])

            assert {path.stat().st_uid for path in project.rglob("*")} == {12345}
            assert (project / "uv.lock").exists()
            container.run(*entrypoint, "python", "manage.py", "sendtestemail", "ada@example.com")
            assert mailbox.texts_to("ada@example.com")
            address = f"127.0.0.1:{free_port()}"
            command = [address if part == "0.0.0.0:8000" else part for part in services["web"]["command"]]
            with container.running([*entrypoint, *command], tmp_path / "web.log"):

                def home_says(text: str) -> bool:
                    try:
                        with urllib.request.urlopen(f"http://{address}/") as page:
                            return text in page.read().decode()
                    except OSError:
                        return False

                wait_until(lambda: home_says("My Site"), 30, "the development server starts")
                settings = project / "my_site" / "settings" / "base.py"
                settings.write_text(settings.read_text().replace('"My Site"', '"Another Site"'))
                wait_until(lambda: home_says("Another Site"), 30, "the development server reloads")
            log = tmp_path / "worker.log"
            with container.running([*entrypoint, *services["worker"]["command"]], log):
                wait_until(lambda: log.read_text().count(" ready.") == 1, 30, "the worker starts")
                (project / "core" / "tasks.py").touch()
                wait_until(lambda: log.read_text().count(" ready.") == 2, 60, "the worker reloads")


def check_image(buildah: Buildah, image: str) -> None:
    """Check the files and the configuration of a production image."""
    configuration = buildah.configuration(image)
    container = Container(buildah, image, {})

    assert configuration["User"] == "10001:10001"
    assert container.run("id", "--user") == "10001"
    assert container.run("sh", "-c", "command -v uv gcc cc make || true") == ""
    assert "for nobody else" not in container.run("sh", "-c", "grep --recursive 'for nobody else' /srv || true")
    assert "SECRET_KEY" not in str(configuration)
    assert container.run("sh", "-c", "touch manage.py", fails=True)
    container.run("sh", "-c", "touch media/new /var/lib/my_site/new")


def answers_well(site: Site) -> bool:
    assert site.process.poll() is None, site.log.read_text()
    try:
        return site.ask("/livez", https=False).status == 200
    except OSError:
        return False


def check_celery(container: Container, services: dict[str, Any], folder: Path) -> None:
    """Run worker and beat, and check the worker's health, like Compose."""
    with container.running(services["worker"]["command"], folder / "worker.log"):
        wait_until(lambda: " ready." in (folder / "worker.log").read_text(), 30, "the worker starts")
        kind, test = services["worker"]["healthcheck"]["test"]
        assert kind == "CMD-SHELL"
        assert "pong" in container.run("sh", "-c", test.replace("$$", "$"))
    with container.running(services["beat"]["command"], folder / "beat.log"):
        wait_until(lambda: "beat: Starting" in (folder / "beat.log").read_text(), 30, "beat starts")
        wait_until(lambda: list((folder / "data").glob("schedule*")) != [], 30, "beat keeps its schedule")
