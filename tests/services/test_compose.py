"""The Compose files run on a Docker daemon, with the commands of the README and of deploy/containers.md."""

import os
import re
import shutil
import signal
import tempfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen
from textwrap import dedent

import pytest
import trustme

from ..harness import projects
from ..harness.answers import Answers, identify
from ..harness.commands import run
from ..harness.servers import free_port, wait_until
from .deploying import SecureSite, adapt
from .docker import CAN_RUN, CANNOT_RUN, Docker
from .faults import load

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("compose"),
    pytest.mark.skipif(not CAN_RUN, reason=CANNOT_RUN),
]

ROWS: list[Answers] = [
    {"deployment": ["docker"], "use_celery": True, "server": "asgi"},
    {"deployment": ["docker"], "database": "sqlite"},
]
OWNER = 12345
GIVEN = projects.PRODUCTION | {"POSTGRES_PASSWORD": "made-for_it"}


@pytest.fixture(scope="module")
def docker() -> Iterator[Docker]:
    # The path of a socket has at most about a hundred characters.
    daemon = Docker(Path(tempfile.mkdtemp(prefix="docker-")))
    try:
        daemon.make_images()
        yield daemon
    finally:
        daemon.stop()


@dataclass
class Composed:
    """A project in a folder, whose containers a Docker daemon runs."""

    docker: Docker
    project: Path
    answers: Answers
    file: str

    def shell(self, commands: str, *, fails: bool = False) -> str:
        """Type commands into a shell in the project's folder, and return its output."""
        return self.docker.shell(self.project, commands, {"COMPOSE_FILE": self.file}, fails=fails)

    def inside(self, service: str, command: str, *, fails: bool = False) -> str:
        """Run a command in the container of a service, and return its output."""
        return self.shell(f"docker compose exec -T {service} {command}", fails=fails)

    def block(self, name: str, number: int, heading: str) -> str:
        """Return a block of shell commands below a heading of a file."""
        text = (self.project / name).read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
        blocks: list[str] = re.findall(r"```sh\n(.*?) *```", text, re.S)
        return dedent(blocks[number])

    def states(self) -> dict[str, str]:
        """Return the state of each container, by service."""
        listed = self.shell("docker compose ps --all --format '{{.Service}}={{.Status}}'")
        return dict(line.split("=", 1) for line in listed.splitlines())

    def identity(self, service: str) -> str:
        """Return the id of the container of a service."""
        return self.shell(f"docker compose ps --quiet {service}").strip()

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.project / name
        path.write_text(adapt(path.read_text(), {old: new}))

    def break_migrations(self) -> None:
        """Add two migrations that both follow the first one."""
        for name in ("0002_left", "0002_right"):
            (self.project / "users" / "migrations" / f"{name}.py").write_text(MIGRATION)

    def down(self) -> None:
        self.shell("docker compose down --volumes --remove-orphans")


MIGRATION = """\
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("users", "0001_initial")]
    operations = []
"""


@pytest.fixture(scope="module", params=ROWS, ids=identify)
def development(
    docker: Docker, template: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Composed]:
    """A project of a user other than root, without a lock file, started as the README says."""
    project = projects.render(template, tmp_path_factory.mktemp("development") / "project", request.param)
    composed = Composed(docker, project, request.param, "compose.yaml")
    for port in ("8000", "8025"):
        composed.edit("compose.yaml", f"127.0.0.1:{port}:", f"127.0.0.1:{free_port()}:")
    run(["chown", "--recursive", f"{OWNER}:{OWNER}", project], project)
    assert "docker compose up\n" in (project / "README.md").read_text()
    try:
        composed.shell("docker compose up --detach --wait")
        yield composed
    finally:
        composed.down()


class TestDevelopment:
    def home(self, development: Composed) -> str:
        port = re.findall(r"127.0.0.1:(\d+):8000", (development.project / "compose.yaml").read_text())[0]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
            return str(page.read().decode())

    def test_up_waits_until_the_site_is_ready(self, development: Composed) -> None:
        assert "My Site" in self.home(development)
        assert "(healthy)" in development.states()["web"]
        if "worker" in development.states():
            assert "(healthy)" in development.states()["worker"]

    def test_commands_in_a_container_run_as_the_owner_of_the_project(self, development: Composed) -> None:
        services = development.states().keys() & {"web", "worker"}
        for service in services:
            assert development.inside(service, "id --user").strip() == str(OWNER)
        development.inside("web", "python manage.py startapp shop")
        development.inside("web", "uv add six")
        development.inside("web", "ruff check .")
        development.shell("docker compose run --rm -T web uv remove six")

        assert {path.stat().st_uid for path in development.project.rglob("*")} == {OWNER}
        assert development.inside("web", f"find /environment -mindepth 1 -not -uid {OWNER}") == ""
        shutil.rmtree(development.project / "shop")

    def test_a_restarted_container_still_runs_as_the_owner(self, development: Composed) -> None:
        development.shell("docker compose restart web")

        assert development.inside("web", "id --user").strip() == str(OWNER)
        development.shell("docker compose up --detach --wait")

    def test_the_server_reloads_changed_code(self, development: Composed) -> None:
        development.edit("my_site/settings/base.py", '"My Site"', '"Another Site"')

        def is_new() -> bool:
            try:
                return "Another Site" in self.home(development)
            except OSError:
                return False

        wait_until(is_new, 60, "the development server reloads")
        development.edit("my_site/settings/base.py", '"Another Site"', '"My Site"')

    def test_the_tests_pass_inside(self, development: Composed) -> None:
        assert "OK" in development.inside("web", "python manage.py test core")
        assert " passed" in development.inside("web", "pytest core")

    def test_mail_arrives(self, development: Composed) -> None:
        development.inside("web", "python manage.py sendtestemail ada@example.com")

        if "aiosmtpd" in development.shell("docker compose top mail"):  # the stand-in prints its mails
            assert "ada@example.com" in development.shell("docker compose logs mail")

    def test_data_is_kept_without_nameless_volumes(self, development: Composed) -> None:
        command = 'python manage.py shell --no-imports --command "{}"'
        users = "from django.contrib.auth import get_user_model as m; "
        development.inside("web", command.format(f"{users}m().objects.create_user(email='ada@example.com')"))

        development.shell("docker compose down && docker compose up --detach --wait")

        assert development.inside("web", command.format(f"{users}print(m().objects.count())")).strip() == "1"
        volumes = development.docker("volume", "ls", "--quiet").split()
        assert "my_site-development_environment" in volumes
        assert [name for name in volumes if re.fullmatch("[0-9a-f]{64}", name)] == []

    def test_failing_migrations_do_not_block_the_commands_that_mend_them(self, development: Composed) -> None:
        development.shell("docker compose stop web")
        development.break_migrations()

        assert "Conflicting migrations" in development.shell(
            "docker compose up --detach --wait 2>&1 || docker compose logs migrate"
        )
        merge = "docker compose run --rm -T web python manage.py makemigrations --merge --no-input"
        assert "Created new merge migration" in development.shell(merge)
        development.shell("docker compose up --detach --wait")
        assert "My Site" in self.home(development)


@dataclass
class Production(Composed):
    """A project that deploy/release.sh released."""

    site: SecureSite

    def page(self) -> str:
        answer = self.site.ask("/")
        assert answer.status == 200, answer.body
        return answer.body

    def heading(self) -> str:
        return self.page().partition("<h1>")[2].partition("</h1>")[0]

    def stylesheet(self) -> str:
        found = re.search(r'href="(/static/site/site\.\w+\.css)"', self.page())
        assert found is not None
        return found[1]

    def python(self, code: str) -> str:
        return self.inside("web", f'python manage.py shell --no-imports --command "{code}"').strip()

    def users(self) -> str:
        return self.python("from django.contrib.auth import get_user_model as m; print(m().objects.count())")

    def commands(self, number: int, heading: str) -> str:
        return self.block("deploy/containers.md", number, heading)


@pytest.fixture(scope="module", params=ROWS, ids=identify)
def production(
    docker: Docker, template: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Production]:
    """A project that was released for the first time, as deploy/containers.md says."""
    folder = tmp_path_factory.mktemp("production")
    project = projects.render(template, folder / "project", request.param)
    run([projects.UV, "lock", "--quiet"], project)
    for name in (".env.production", "db.sqlite3", "media/upload.txt", "my_site/__pycache__/urls.pyc"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text("for nobody else\n")
    authority = trustme.CA()
    certificate = authority.issue_cert("example.com")
    certificates = folder / "certificates"
    certificates.mkdir()
    certificate.private_key_pem.write_to_path(str(certificates / "privkey.pem"))
    (certificates / "privkey.pem").chmod(0o600)
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(str(certificates / "fullchain.pem"), append=True)
    variables = GIVEN | {"CERTIFICATES": str(certificates)}
    (project / ".env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))
    port = free_port()
    with Popen(["true"], stdout=DEVNULL) as process:
        site = SecureSite(port, folder / "no.log", process, authority)
    composed = Production(docker, project, request.param, "compose.production.yaml", site)
    composed.edit(
        "compose.production.yaml", '"80:80", "443:443"', f'"127.0.0.1:{free_port()}:80", "127.0.0.1:{port}:443"'
    )
    composed.edit("compose.production.yaml", "/var/www/challenges:", f"{folder}/challenges:")
    # The stand-ins are in no registry.
    composed.edit("deploy/release.sh", " --pull ", " ")
    assert composed.commands(0, "For each release") == "git pull && sh deploy/release.sh\n"
    try:
        composed.shell("sh deploy/release.sh")
        yield composed
    finally:
        composed.down()
        for name in ("my-site", "my-site-nginx"):
            docker("image", "rm", "--force", *set(docker("image", "ls", "--quiet", name).split()))


class TestProduction:
    def test_a_release_ends_when_all_is_ready(self, production: Production) -> None:
        for service, state in production.states().items():
            assert "(healthy)" in state if service != "migrate" else "Exited (0)" in state, (service, state)
        production.shell("docker compose up --detach --wait")

        assert production.heading() == "My Site"
        assert production.site.ask("/readyz").status == 200
        assert production.site.ask(production.stylesheet()).status == 200

    def test_the_image_has_no_secrets_and_no_tools(self, production: Production) -> None:
        assert production.inside("web", "id --user").strip() == "10001"
        assert production.inside("web", "sh -c 'command -v uv gcc cc make || true'") == ""
        assert production.inside("web", "sh -c 'grep --recursive \"for nobody else\" /srv || true'") == ""
        assert "SECRET_KEY" not in production.docker("image", "inspect", "my-site")
        production.inside("web", "touch manage.py", fails=True)
        # In production, only these parts of the file system are writable.
        kept = ("/tmp", "/dev", "/srv/my_site/media", "/var/lib/my_site", "/var/www/static")
        find = "find / -xdev -user 10001 2> /dev/null || true"
        written = production.docker("run", "--rm", "my-site", "sh", "-c", find).splitlines()
        assert [path for path in written if not path.startswith(kept)] == []

    def test_containers_have_limits(self, production: Production) -> None:
        for service in production.states().keys() - {"migrate"}:
            limits = "{{.HostConfig.Memory}} {{.HostConfig.PidsLimit}}"
            memory, processes = production.docker("inspect", "--format", limits, production.identity(service)).split()
            assert int(memory) >= 2**30, service
            assert int(processes) == 500, service

    def test_the_first_admin_is_created_and_data_is_cleaned_up(self, production: Production) -> None:
        create = production.commands(1, "The first time")
        assert create.splitlines()[1:] == ["docker compose exec web python manage.py createsuperuser"]
        answers = {"EMAIL": "ada@example.com", "PASSWORD": "not asked for"}
        options = " ".join(f"-e DJANGO_SUPERUSER_{name}='{value}'" for name, value in answers.items())
        production.shell(
            create.replace(" exec", f" exec -T {options}").replace("superuser\n", "superuser --no-input\n")
        )
        assert production.users() == "1"
        if "Once a day" in (production.project / "deploy/containers.md").read_text():
            production.shell(f"set -e\n{production.commands(0, 'Clean up')}")

    def test_a_backup_can_be_restored(self, production: Production) -> None:
        production.inside("web", "sh -c 'echo here > media/upload.txt'")
        before = production.users()
        production.shell(f"set -e\n{production.commands(0, 'Back up and restore')}")
        production.python(
            "from django.contrib.auth import get_user_model as m; m().objects.create_user(email='eve@example.com')"
        )
        production.inside("web", "rm media/upload.txt")
        assert production.users() != before

        production.shell(f"set -e\n{production.commands(1, 'Back up and restore')}")

        assert production.users() == before
        assert production.site.ask("/media/upload.txt").body == "here\n"

    def test_a_release_under_load_loses_no_request(self, production: Production) -> None:
        old, nginx = production.stylesheet(), production.identity("nginx")
        production.edit("my_site/settings/base.py", '"My Site"', '"New Site"')
        production.edit("core/static/site/site.css", "\n}\n", "\n}\n/* new */\n")

        with load(production.site, ["/", "/readyz", old], clients=2) as attempts:
            production.shell("sh deploy/release.sh")

        assert production.heading() == "New Site"
        assert len(attempts) > 100
        assert [attempt for attempt in attempts if attempt.status != 200] == []
        assert production.stylesheet() != old
        # Pages of the former release need its files; nginx stays, because they are not in its image.
        assert production.site.ask(old).status == 200
        assert production.site.ask(production.stylesheet()).status == 200
        assert production.identity("nginx") == nginx
        assert len(production.identity("web").split()) == 1

    def test_a_release_that_fails_leaves_the_old_one(self, production: Production) -> None:
        heading = production.heading()
        before = {service: production.identity(service) for service in production.states().keys() - {"migrate"}}
        image = production.docker("image", "ls", "--quiet", "my-site:latest")

        production.break_migrations()
        assert "Conflicting migrations" in production.shell("sh deploy/release.sh", fails=True)
        for name in ("0002_left", "0002_right"):
            (production.project / "users" / "migrations" / f"{name}.py").unlink()

        assert {service: production.identity(service) for service in before} == before
        assert production.docker("image", "ls", "--quiet", "my-site:latest") == image
        assert production.heading() == heading

    def test_a_web_server_that_does_not_start_leaves_the_old_one(self, production: Production) -> None:
        heading = production.heading()
        before, image = production.identity("web"), production.docker("image", "ls", "--quiet", "my-site:latest")

        configuration = (production.project / "gunicorn.conf.py").read_text()
        (production.project / "gunicorn.conf.py").write_text(f"{configuration}\nraise SystemExit(1)\n")
        assert "The old one goes on." in production.shell("sh deploy/release.sh", fails=True)
        (production.project / "gunicorn.conf.py").write_text(configuration)

        assert production.identity("web") == before
        assert production.docker("image", "ls", "--quiet", "my-site:latest") == image
        assert production.heading() == heading

    def test_an_earlier_release_comes_back(self, production: Production) -> None:
        show, release = production.commands(0, "Go back").splitlines()
        tags = re.findall(r"\d{8}-\d{6}", production.shell(show))

        production.shell(release.replace("TAG", min(tags)))

        assert production.heading() == "My Site"
        assert production.site.ask(production.stylesheet()).status == 200

    def test_each_container_survives_a_kill(self, production: Production) -> None:
        heading = production.heading()
        before = production.users()
        for service in production.states().keys() - {"migrate"}:
            identity = production.identity(service)
            inspect = ["inspect", "--format", "{{.State.Pid}} {{.RestartCount}}", identity]
            process, restarts = production.docker(*inspect).split()
            os.kill(int(process), signal.SIGKILL)

            def is_back() -> bool:
                now, again = production.docker(*inspect).split()  # noqa: B023
                return now not in ("0", process) and int(again) == int(restarts) + 1  # noqa: B023

            wait_until(is_back, 60, f"{service} restarts")
        production.shell("docker compose up --detach --wait")

        assert production.users() == before
        assert production.heading() == heading

    def test_without_a_web_server_nginx_says_so_at_once(self, production: Production) -> None:
        heading = production.heading()
        production.shell("docker compose kill web")

        def is_said() -> bool:
            answer = production.site.ask("/")
            return answer.status == 502 and "try again in a minute" in answer.body

        wait_until(is_said, 30, "nginx forgets the address of the web server")
        production.shell("docker compose up --detach --wait")
        assert production.heading() == heading

    def test_down_and_up_keep_data(self, production: Production) -> None:
        heading = production.heading()
        before = production.users()

        production.shell("docker compose down && docker compose up --detach --wait")

        assert production.users() == before
        assert production.site.ask("/media/upload.txt").body == "here\n"
        assert production.heading() == heading

    def test_old_images_are_deleted(self, production: Production) -> None:
        number = 1 if "Once a day" in (production.project / "deploy/containers.md").read_text() else 0
        commands = production.commands(number, "Clean up")
        assert commands.count("until=720h") == 2
        images = production.docker("image", "ls", "--quiet", "my-site")

        production.shell(f"set -e\n{commands}")

        assert production.docker("image", "ls", "--quiet", "my-site") == images

    def test_an_image_needs_a_current_lock_file(self, production: Production) -> None:
        lock = production.project / "uv.lock"
        old = lock.read_text()
        production.edit("pyproject.toml", "production = [\n", 'production = [\n    "six",\n')

        assert "--locked" in production.shell("docker compose build web", fails=True)
        lock.unlink()
        assert "uv.lock" in production.shell("docker compose build web", fails=True)

        production.edit("pyproject.toml", '    "six",\n', "")
        lock.write_text(old)
