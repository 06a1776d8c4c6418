"""Edits that a team makes in its project, which every update must keep."""

from collections.abc import Callable
from pathlib import Path

import yaml

Edit = Callable[[Path], None]

# The tests that edits add or change.
TESTS = ["shop", "core.tests.test_about", "core.tests.test_imprint", "my_site.accounts.tests.test_login"]


def package(project: Path, question: str) -> Path:
    """Return the folder that project_slug or app_name names."""
    answers = yaml.safe_load((project / ".copier-answers.yml").read_text())
    return project / str(answers[question])


def settings(project: Path, module: str) -> Path:
    return package(project, "project_slug") / "settings" / f"{module}.py"


def first_app(project: Path) -> Path:
    return package(project, "app_name")


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def append(path: Path, addition: str) -> None:
    path.write_text(path.read_text() + addition)


def add_after(path: Path, line: str, addition: str) -> None:
    """Add text after a line of a file. Raises AssertionError if the line is missing."""
    text = path.read_text()
    assert f"{line}\n" in text, f"{path} has no line {line!r}"
    path.write_text(text.replace(f"{line}\n", f"{line}\n{addition}\n", 1))


def add_app(project: Path) -> None:
    """An app of the team's own, with a table."""
    shop = project / "shop"
    write(shop / "__init__.py", "")
    write(shop / "migrations" / "__init__.py", "")
    write(shop / "models.py", PRODUCT)
    write(shop / "migrations" / "0001_initial.py", PRODUCT_MIGRATION)
    add_after(settings(project, "base"), "    # Your own apps go below this line.", '    "shop",')


def add_url(project: Path) -> None:
    write(project / "shop" / "views.py", PRICES)
    write(project / "shop" / "urls.py", PRICES_URLS)
    write(project / "shop" / "tests" / "__init__.py", "")
    write(project / "shop" / "tests" / "test_views.py", PRICES_TESTS)
    line = "    # The URLs of your own apps go below this line."
    add_after(package(project, "project_slug") / "urls.py", line, '    path("prices/", include("shop.urls")),')


def add_middleware(project: Path) -> None:
    write(project / "shop" / "middleware.py", MIDDLEWARE)
    line = "    # Your own middleware goes below this line."
    add_after(settings(project, "base"), line, '    "shop.middleware.name_the_shop",')


def add_dependency(project: Path) -> None:
    line = "    # Your own dependencies go below this line."
    add_after(project / "pyproject.toml", line, '    "httpx>=0.28,<0.29",')


def add_development_tool(project: Path) -> None:
    line = "    # Your own development tools go below this line."
    add_after(project / "pyproject.toml", line, '    "faker>=40,<41",')


def add_settings(project: Path) -> None:
    """A setting for every environment, from a variable, and one that differs between environments."""
    append(settings(project, "base"), 'SHOP_CURRENCY = env.str("SHOP_CURRENCY", default="EUR")\n')
    for module, live in {"development": False, "production": True, "test": False}.items():
        append(settings(project, module), f"SHOP_IS_LIVE = {live}\n")


def add_variable(project: Path) -> None:
    append(project / ".env.example", "\n# The currency of all prices.\n# SHOP_CURRENCY=EUR\n")


def change_home_page(project: Path) -> None:
    app = first_app(project)
    add_after(
        app / "templates" / app.name / "home.html", "    <p>{{ site.DESCRIPTION }}</p>", "    <p>Open every day.</p>"
    )


def add_page(project: Path) -> None:
    app = first_app(project)
    append(app / "views.py", ABOUT.format(app=app.name))
    write(app / "templates" / app.name / "about.html", ABOUT_PAGE)
    write(app / "tests" / "test_about.py", ABOUT_TESTS.format(app=app.name))
    line = "    # The URLs of your own pages go below this line."
    add_after(app / "urls.py", line, '    path("about/", views.about, name="about"),')


def change_readme(project: Path) -> None:
    append(project / "README.md", "\n## Who to ask\n\nThe shop belongs to team Blue.\n")


def add_readme_sections(project: Path) -> None:
    """Sections of the team, between those of the template."""
    readme = project / "README.md"
    for heading in ("Work on it", "Run it in production", "Update it"):
        text = readme.read_text()
        assert f"\n## {heading}\n" in text
        ours = f"\n## Before you {heading.lower()}\n\nAsk team Blue.\n\n## {heading}\n"
        readme.write_text(text.replace(f"\n## {heading}\n", ours))


def list_app_in_readme(project: Path) -> None:
    slug = package(project, "project_slug").name
    line = f"- `{slug}/` wires the project together: settings, URLs and what all apps share. No business code."
    add_after(project / "README.md", line, "- `shop/` has what we sell.")


def bump_version(project: Path) -> None:
    path = project / "pyproject.toml"
    old, text = '\nversion = "0.1.0"\n', path.read_text()
    assert old in text
    path.write_text(text.replace(old, '\nversion = "0.2.0"\n'))


def add_context_processor(project: Path) -> None:
    line = f'                "{first_app(project).name}.context_processors.site",'
    add_after(settings(project, "base"), line, '                "django.template.context_processors.static",')


def change_programs(project: Path) -> None:
    """A longer log for the web server, if the project has Supervisor's configuration."""
    programs = project / "deploy" / "supervisor" / "programs.conf"
    if programs.exists():
        slug = package(project, "project_slug").name
        line = f"stdout_logfile=/var/log/supervisor/{slug}-web.log"
        add_after(programs, line, "stdout_logfile_maxbytes=500MB")


def change_containers(project: Path) -> None:
    """A variable for development, and a volume for production, if the project has Compose files."""
    compose = project / "compose.yaml"
    if compose.exists():
        add_after(compose, '    EMAIL_USE_TLS: "off"', "    SHOP_CURRENCY: EUR")
        append(project / "compose.production.yaml", "  backups:\n")


def add_redirect(project: Path) -> None:
    """A view that needs one more name from a module that the template already imports."""
    app = first_app(project)
    views = app / "views.py"
    old = "from django.shortcuts import render\n"
    assert old in views.read_text()
    views.write_text(views.read_text().replace(old, "from django.shortcuts import redirect, render\n"))
    append(views, IMPRINT.format(app=app.name))
    write(app / "tests" / "test_imprint.py", IMPRINT_TESTS.format(app=app.name))
    line = "    # The URLs of your own pages go below this line."
    add_after(app / "urls.py", line, '    path("imprint/", views.imprint, name="imprint"),')


def list_public_pages(project: Path) -> None:
    """List the public pages of the other edits in the project's test."""
    line = "    # Your own public pages go below this line."
    pages = '    "about/",\n    "imprint/",\n    "prices/",'
    add_after(package(project, "project_slug") / "accounts" / "tests" / "test_login.py", line, pages)


def change_example(project: Path) -> None:
    """A field for the example's model, with its migration, if the project has the example."""
    models = project / "people" / "models.py"
    if models.exists():
        field = "    nickname = models.CharField(max_length=30, blank=True)"
        add_after(models, '    name = models.CharField(_("name"), max_length=100)', field)
        migration = FIELD_MIGRATION.format(app="people", model="person")
        write(project / "people" / "migrations" / "0002_person_nickname.py", migration)


def change_users(project: Path) -> None:
    """A field for the user model, with its migration, if the project has its own model."""
    models = project / "users" / "models.py"
    if models.exists():
        text = models.read_text()
        field = "    nickname = models.CharField(max_length=30, blank=True)\n"
        if "first_name = " in text:
            models.write_text(text.replace("    first_name = ", f"{field}    first_name = ", 1))
        else:
            models.write_text(text.replace("\n\n\nclass", "\nfrom django.db import models\n\n\nclass") + f"\n{field}")
        migration = FIELD_MIGRATION.format(app="users", model="user")
        write(project / "users" / "migrations" / "0002_user_nickname.py", migration)


def delete_file(project: Path) -> None:
    (first_app(project) / "templates" / "500.html").unlink()


EDITS: list[Edit] = [
    add_app,
    add_url,
    add_middleware,
    add_dependency,
    add_development_tool,
    add_settings,
    add_variable,
    change_home_page,
    add_page,
    change_readme,
    add_readme_sections,
    list_app_in_readme,
    bump_version,
    add_context_processor,
    change_programs,
    change_containers,
    add_redirect,
    list_public_pages,
    change_example,
    change_users,
    delete_file,
]


def do_all(project: Path, *without: Edit) -> None:
    """Make all edits in a project, except some."""
    for edit in EDITS:
        if edit not in without:
            edit(project)


PRODUCT = '''\
from django.db import models


class Product(models.Model):
    """Something the shop sells."""

    name = models.CharField(max_length=100, unique=True)

    def __str__(self) -> str:
        return self.name
'''
PRODUCT_MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Product",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
            ],
        ),
    ]
"""
PRICES = '''\
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse

from .models import Product


@login_not_required
def prices(request: HttpRequest) -> JsonResponse:
    """Tell what is sold, and in which currency."""
    products = [str(product) for product in Product.objects.all()]
    return JsonResponse({"currency": settings.SHOP_CURRENCY, "products": products})
'''
PRICES_URLS = """\
from django.urls import path

from . import views

urlpatterns = [path("", views.prices, name="prices")]
"""
PRICES_TESTS = """\
import httpx
from django.conf import settings
from django.test import TestCase
from django.urls import reverse
from faker import Faker

from ..models import Product


class PricesTests(TestCase):
    def test_tells_products_currency_and_shop(self) -> None:
        product = Product.objects.create(name=Faker().name())
        response = self.client.get(reverse("prices"))

        self.assertEqual(response.json(), {"currency": "EUR", "products": [product.name]})
        self.assertEqual(response["X-Shop"], "blue")
        self.assertEqual(response.status_code, httpx.codes.OK)
        self.assertIs(settings.SHOP_IS_LIVE, False)
"""
MIDDLEWARE = '''\
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

View = Callable[[HttpRequest], HttpResponse]


def name_the_shop(get_response: View) -> View:
    """Say in a header whose site it is."""

    def respond(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["X-Shop"] = "blue"
        return response

    return respond
'''
ABOUT = '''

@login_not_required
def about(request: HttpRequest) -> HttpResponse:
    """Say who runs the shop."""
    return render(request, "{app}/about.html")
'''
ABOUT_PAGE = """\
{% extends "base.html" %}
{% block content %}
  <h1>About {{ site.NAME }}</h1>
{% endblock %}
"""
ABOUT_TESTS = """\
from django.test import TestCase
from django.urls import reverse


class AboutTests(TestCase):
    def test_says_who_runs_the_shop(self) -> None:
        self.assertContains(self.client.get(reverse("{app}:about")), "About")
"""
IMPRINT = '''

@login_not_required
def imprint(request: HttpRequest) -> HttpResponse:
    """Lead the old address of the home page to the new one."""
    return redirect("{app}:home")
'''
IMPRINT_TESTS = """\
from django.test import TestCase
from django.urls import reverse


class ImprintTests(TestCase):
    def test_leads_home(self) -> None:
        self.assertRedirects(self.client.get(reverse("{app}:imprint")), "/")
"""
FIELD_MIGRATION = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("{app}", "0001_initial")]
    operations = [
        migrations.AddField(
            model_name="{model}",
            name="nickname",
            field=models.CharField(blank=True, max_length=30),
        ),
    ]
"""
