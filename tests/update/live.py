"""Put rows into the database of a project before an update, and check them after it."""

from collections.abc import Mapping
from pathlib import Path

from ..harness.commands import manage

PUT = """
from django.apps import apps
from django.contrib.auth import get_user_model
from shop.models import Product

User = get_user_model()
user = User.objects.create_user(**{User.USERNAME_FIELD: "ada@example.com", "password": "a long password"})
if User.__module__ == "users.models":
    user.nickname = "Countess"
    user.save()
Product.objects.create(name="Tea")
if apps.is_installed("people"):
    from people.models import Person

    Person.objects.create(name="Grace", age=36, email="grace@example.com")
if apps.is_installed("clubs"):
    from clubs.models import Club

    Club.objects.found(owner=user, president=Person.objects.get(), name="Chess", kind="games")
"""

LOOK = """
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from shop.models import Product

User = get_user_model()
user = User.objects.get(**{User.USERNAME_FIELD: "ada@example.com"})
assert user.check_password("a long password")
if User.__module__ == "users.models":
    assert user.nickname == "Countess"
assert [product.name for product in Product.objects.all()] == ["Tea"]
if apps.is_installed("clubs"):
    from clubs.models import Club
    from clubs.permissions import may

    assert all(may(user, "change", club) for club in Club.objects.all())
if "people_person" in connection.introspection.table_names():
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, age, email FROM people_person")
        print(cursor.fetchall())
"""
SHELL = ["shell", "--verbosity=0", "--command"]
GRACE = "[('Grace', 36, 'grace@example.com')]"


def put_data_in(project: Path, programs: Path, variables: Mapping[str, str]) -> None:
    """Migrate the database of a project with the user's work, and add a user, a product, and a person."""
    manage(project, programs, variables, ["migrate"], [*SHELL, PUT])


def check_data(project: Path, programs: Path, variables: Mapping[str, str], *, people: bool) -> None:
    """Check that models and migrations agree, that the database migrates, and that the rows are there.

    people: whether the database has rows of the example.
    """
    agree = ["makemigrations", "--check", "--dry-run"]
    printed = manage(project, programs, variables, agree, ["migrate"], [*SHELL, LOOK])
    assert (GRACE in printed) is people, printed
