"""A project behind nginx and under Supervisor, both with the files that it has for them, does what it should."""

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from ..harness import projects
from ..harness.commands import run
from .deploying import UPSTREAMS, configure_nginx, program

pytestmark = pytest.mark.slow

RENDERED = [
    {"server": server, "use_celery": celery, "deployment": deployment}
    for server, celery, deployment in product(
        ("wsgi", "asgi"), (False, True), (["nginx_supervisor"], ["docker"], ["nginx_supervisor", "docker"])
    )
]


# What gixy would have otherwise, and why it is not: every other finding fails.
KNOWN = {
    ("hsts_header", "Missing HSTS header"): "Django sends it; two places that say how long would contradict each other",
    ("http2_misdirected_request", "Missing HTTP/2 misdirected-request safeguard (return 421)"): "444 closes instead",
    ("weak_ssl_tls", "Missing ssl_ciphers directive"): "the server that rejects handshakes needs no ciphers",
}


@pytest.mark.parametrize("answers", RENDERED, ids=lambda answers: "-".join(map(str, answers.values())))
def test_nginx_takes_its_configuration_and_gixy_finds_nothing(
    template: Path, tmp_path: Path, answers: dict[str, Any]
) -> None:
    project = projects.render(template, tmp_path / "project", answers)

    for deployment in answers["deployment"]:
        nginx = configure_nginx(project, tmp_path / deployment, deployment, 8000)

        assert "[warn]" not in nginx.test()
        findings = json.loads(gixy(nginx.configuration))
        ours = [found for found in findings if not Path(found["file"]).samefile(nginx.configuration)]
        assert {(found["plugin"], found["summary"]) for found in ours} == KNOWN.keys(), ours


def gixy(configuration: Path) -> str:
    """Return what gixy finds. It is no error that it finds something: nginx.conf is the tests' own."""
    return run([program("gixy"), "--format", "json", configuration], configuration.parent, fails=True)
