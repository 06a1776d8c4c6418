"""A team adds a field for files to a model and its form, as the README says: uploads work on every server."""

import re
from pathlib import Path
from typing import Any, cast

import pytest

from ..harness import projects
from ..harness.commands import manage
from ..project.checks import serving_development
from .deploying import deployed
from .pages import Page, Visitor, multipart
from .serving import PASSWORD, Site, in_production

pytestmark = pytest.mark.slow

PAGE = "<script>alert(document.domain)</script>" + "x" * 300_000
MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("people", "0001_initial")]
    operations = [
        migrations.AddField("person", "papers", models.FileField(blank=True, upload_to="papers")),
    ]
"""
ADD_USER = f"""
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("ada@example.com", "{PASSWORD}")
"""


def add_a_field_for_files(project: Path) -> None:
    """Add a field to the model of people, and to its form, page, and API, as the README says."""
    people = project / "people"
    for name, old, new in [
        ("models.py", "    age = ", '    papers = models.FileField(upload_to="papers", blank=True)\n    age = '),
        ("forms.py", '"email"]', '"email", "papers"]'),
        ("serializers.py", '"email"]', '"email", "papers"]'),
        ("api.py", "    serializer_class", "    parser_classes = [MultiPartParser]\n    serializer_class"),
        (
            "api.py",
            "from rest_framework.p",
            "from rest_framework.parsers import MultiPartParser\nfrom rest_framework.p",
        ),
        ("templates/people/person_detail.html", "<h1>", '<a href="{{ person.papers.url }}">Papers</a><h1>'),
    ]:
        text = (people / name).read_text()
        assert old in text, name
        (people / name).write_text(text.replace(old, new, 1))
    (people / "migrations" / "0002_papers.py").write_text(MIGRATION)


def check_uploads(visitor: Visitor, stranger: Visitor) -> None:
    """Send a file with a form and to the API, and read both without a login."""
    assert visitor.log_in(visitor.form("/login/"), "ada@example.com").status == 302
    page = Page("/people/add/", visitor.ask("/people/add/"))
    (form,) = [form for form in page.forms if "papers" in form.types]
    values = {"name": "Ada", "age": "36", "email": "ada@example.com"}

    added = visitor.send_file(form, values, "papers", "page.html", PAGE)
    shown = visitor.ask(added.headers["Location"]).body
    request = multipart(values | {"email": "grace@example.com"}, "papers", "page.html", PAGE)
    token = form.values["csrfmiddlewaretoken"]
    made = visitor.ask("/api/people/", method="POST", **request, **{"X-CSRFToken": token})

    assert made.status == 201, made.body
    paths = {*re.findall(r'href="(/media/[^"]+)"', shown), *re.findall(r"/media/[^\"]+", made.body)}
    assert len(paths) == 2
    for path in paths:
        answer = stranger.ask(path)
        assert (answer.status, answer.body) == (200, PAGE)
        assert answer.headers["Content-Type"].startswith("text/html")
        assert answer.headers.get_all("Content-Security-Policy") == ["default-src 'none'; sandbox"]
        assert answer.headers.get_all("X-Content-Type-Options") == ["nosniff"]
        assert stranger.ask(f"{path}x").status == 404
    for path in ("/media/", "/media/papers/", "/media/../.env", "/media/%2e%2e/manage.py"):
        assert stranger.ask(path).status in (400, 403, 404), path


@pytest.mark.parametrize("server", ["wsgi", "asgi"])
def test_the_web_server_serves_uploads(template: Path, environments: Path, tmp_path: Path, server: str) -> None:
    answers = {"database": "sqlite", "server": server}
    with in_production(template, environments, tmp_path, answers, prepare=add_a_field_for_files) as stack:
        stack.python(ADD_USER)
        check_uploads(Visitor(stack.site), Visitor(stack.site))

        assert "must consume" not in stack.site.log.read_text()


def test_nginx_serves_uploads(template: Path, environments: Path, tmp_path: Path) -> None:
    answers = {"database": "sqlite"}
    with deployed(template, environments, tmp_path, answers, prepare=add_a_field_for_files) as deployment:
        deployment.python(ADD_USER)
        check_uploads(Visitor(deployment.site), Visitor(deployment.site))
        upload = next((deployment.project / "media" / "papers").iterdir())

        # nginx does not ask the web server.
        assert "/media/papers/" not in deployment.supervisor.log("web")
        assert upload.stat().st_mode & 0o777 == 0o644


class Neighbour(Visitor):
    """A visitor of the development server."""

    def headers(self) -> dict[str, str]:
        host = f"127.0.0.1:{self.site.port}"
        return super().headers() | {"Host": host, "Origin": f"http://{host}"}


def test_the_development_server_serves_uploads(template: Path, environments: Path, tmp_path: Path) -> None:
    # The development server is always a WSGI server.
    project = projects.render(template, tmp_path / "project", {"server": "asgi"})
    add_a_field_for_files(project)
    programs = projects.environment(project, environments)
    shell = ["shell", "--verbosity=0", "--command", ADD_USER]
    manage(project, programs, {}, ["makemigrations", "--check"], ["migrate"], shell)
    with serving_development(project, programs) as address:
        port = int(address.rpartition(":")[2])
        site = Site(port, project.with_suffix(".log"), process=cast(Any, None))
        check_uploads(Neighbour(site), Neighbour(site))
