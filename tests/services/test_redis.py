"""Settings of a team win over the project's own, and connections to Redis with TLS are verified."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

import pytest
import trustme

from ..harness import projects, servers
from ..harness.commands import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("knobs")]

# The cache ignores errors, so use its client. Celery's results are off by default.
CONNECT = """
import os
import sys

os.environ["REDIS_URL"] = sys.argv[1]

import django
from django.conf import settings

settings.CELERY_RESULT_BACKEND = settings.REDIS_URL
django.setup()

import django_redis
from my_site import celery_app


def cache():
    django_redis.get_redis_connection().ping()


def broker():
    with celery_app.connection_for_write() as connection:
        connection.ensure_connection(max_retries=0)
        connection.default_channel.client.ping()


def results():
    celery_app.backend.client.ping()


for ask in [cache, broker, results]:
    try:
        ask()
    except Exception as error:
        assert "CERTIFICATE_VERIFY_FAILED" in f"{error} {error.__cause__}", error
        print("refused")
    else:
        print("connected")
"""


@contextmanager
def tls(port: int, ca: trustme.CA, host: str) -> Iterator[int]:
    """Run a TLS proxy with a certificate for a host, in front of a server on a port. Yields the proxy's port."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ca.issue_cert(host).configure_cert(context)

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while part := await source.read(65536):
                target.write(part)
                await target.drain()
        target.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ahead, behind = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(copy(reader, behind), copy(ahead, writer))

    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(forward, "127.0.0.1", 0, ssl=context))
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@pytest.fixture(scope="module")
def project(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return projects.render(template, tmp_path_factory.mktemp("redis") / "project", {"use_celery": True})


@pytest.fixture(scope="module")
def python(project: Path, environments: Path) -> Path:
    return projects.environment(project, environments) / "python"


def test_every_connection_verifies_certificates_unless_told_not_to(project: Path, python: Path, tmp_path: Path) -> None:
    ca = trustme.CA()
    trusted = tmp_path / "ca of redis.pem"
    ca.cert_pem.write_to_path(str(trusted))
    file = f"ssl_ca_certs={str(trusted).replace(' ', '%20')}"
    refused, connected = "refused", "connected"
    with (
        servers.redis() as redis,
        tls(redis.port, ca, "localhost") as port,
        tls(redis.port, ca, "example.com") as other,
    ):
        for url, expected in {
            f"rediss://localhost:{port}": refused,
            f"rediss://localhost:{port}?{file}": connected,
            f"rediss://localhost:{port}/0?ssl_cert_reqs=required&{file}": connected,
            f"rediss://localhost:{port}/0?{file}&ssl_cert_reqs=CERT_REQUIRED": connected,
            f"rediss://localhost:{port}/0?ssl_cert_reqs=CERT_NONE": connected,
            f"rediss://localhost:{other}/0?{file}": refused,
        }.items():
            variables = {"DJANGO_SETTINGS_MODULE": "my_site.settings.development"}
            lines = run([python, "-c", CONNECT, url], project, variables).splitlines()

            assert [line for line in lines if line in (refused, connected)] == 3 * [expected], (url, lines)


# Each setting of Celery that the project has a default for, with another value.
TEAM = {
    "BEAT_SCHEDULE": {"mine": {"task": "core.tasks.mine", "schedule": 60}},
    "BROKER_CHANNEL_ERROR_RETRY": False,
    "BROKER_CONNECTION_MAX_RETRIES": 7,
    "BROKER_CONNECTION_RETRY_ON_STARTUP": False,
    "BROKER_URL": "redis://redis.example.com/7",
    "TASK_ACKS_LATE": False,
    "TASK_ALWAYS_EAGER": True,
    "TASK_IGNORE_RESULT": False,
    "TASK_REJECT_ON_WORKER_LOST": False,
    "TASK_TIME_LIMIT": 5,
    "WORKER_ENABLE_SOFT_SHUTDOWN_ON_IDLE": False,
    "WORKER_HIJACK_ROOT_LOGGER": True,
    "WORKER_PREFETCH_MULTIPLIER": 4,
    "WORKER_SOFT_SHUTDOWN_TIMEOUT": 3,
    # The project has no default for these.
    "ACCEPT_CONTENT": ["json", "yaml"],
    "RESULT_BACKEND": "redis://redis.example.com/8",
    "TASK_ANNOTATIONS": {"*": {"rate_limit": "10/s"}},
    "TASK_ROUTES": {"core.tasks.*": {"queue": "slow"}},
    "TASK_SERIALIZER": "yaml",
    "TASK_SOFT_TIME_LIMIT": 4,
    "TIMEZONE": "Europe/Berlin",
    "WORKER_CONCURRENCY": 3,
}
# These dictionaries of options replace single ones.
OPTIONS = {
    "BROKER_TRANSPORT_OPTIONS": {"visibility_timeout": 7200, "socket_timeout": 9, "global_keyprefix": "mine"},
    "TASK_PUBLISH_RETRY_POLICY": {"max_retries": 2, "interval_start": 1},
}
PRINT = """
import json
import sys

from my_site import celery_app

found = {name: celery_app.conf[name] for name in sys.argv[1:]}
changed, defaults, *_ = celery_app.conf.maps
print(json.dumps([sorted(defaults), found]))
"""


@pytest.mark.parametrize("environment", ["base", "development", "production", "test"])
def test_each_celery_setting_of_a_team_wins(
    template: Path, environments: Path, tmp_path: Path, environment: str
) -> None:
    project = projects.render(template, tmp_path / "project", {"use_celery": True})
    programs = projects.environment(project, environments, production=environment == "production")
    with (project / "my_site" / "settings" / f"{environment}.py").open("a") as settings:
        settings.writelines(f"CELERY_{name} = {value!r}\n" for name, value in (TEAM | OPTIONS).items())
    module = "development" if environment == "base" else environment
    variables = projects.PRODUCTION | {
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/site",
        "DJANGO_SETTINGS_MODULE": f"my_site.settings.{module}",
        "REDIS_URL": "redis://127.0.0.1:1/0",
    }
    names = [name.lower() for name in TEAM | OPTIONS]

    defaults, found = json.loads(run([programs / "python", "-c", PRINT, *names], project, variables))

    assert set(defaults) <= set(names)
    assert {name: found[name.lower()] for name in TEAM} == TEAM
    for name, options in OPTIONS.items():
        assert found[name.lower()] | options == found[name.lower()]
    # The others keep their values.
    assert found["broker_transport_options"]["socket_connect_timeout"] == 1
