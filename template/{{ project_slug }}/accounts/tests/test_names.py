from io import StringIO
from typing import Any
from unittest import mock

from django.contrib.auth import authenticate, get_user_model
from django.core import serializers
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.db.models import Value
from django.http import HttpRequest
from django.test import TestCase

from .. import names

User = get_user_model()

NAME, PASSWORD = "ann@example.com", "a long enough password"
SAME = ["Ann@example.com", "ANN@EXAMPLE.COM", "ａｎｎ@ｅxample.com"]


def build(name: str) -> Any:
    return User(**{User.USERNAME_FIELD: name}, password="!")


class NameTests(TestCase):
    def store(self, name: str) -> None:
        """Store a name as it is, like earlier releases did."""
        user = build(f"{len(name)}-{User.objects.count()}@example.com")
        user.set_password(PASSWORD)
        user.save()
        # An expression is stored as it is.
        User.objects.filter(pk=user.pk).update(**{User.USERNAME_FIELD: Value(name)})

    def stored(self) -> set[str]:
        return {user.get_username() for user in User.objects.all()}

    def test_the_database_refuses_the_same_name_in_another_form(self) -> None:
        build(NAME).save()
        other = build("other@example.com")
        other.save()

        def load(name: str) -> None:
            user = build(name)
            user.pk = other.pk + 1
            fixture = serializers.serialize("json", [user])
            for loaded in serializers.deserialize("json", fixture):
                loaded.save()

        ways = {
            "save": lambda name: build(name).save(),
            "bulk_create": lambda name: User.objects.bulk_create([build(name)]),
            "update": lambda name: User.objects.filter(pk=other.pk).update(
                **{User.USERNAME_FIELD: name}
            ),
            "loaddata": load,
        }
        for way, store in ways.items():
            for name in SAME:
                refused = self.assertRaises(IntegrityError)
                with self.subTest(way, name=name), refused, transaction.atomic():
                    store(name)

    def test_forms_and_commands_refuse_it_too(self) -> None:
        build(NAME).save()

        for name in SAME:
            with self.subTest(name):
                with self.assertRaisesMessage(ValidationError, "already exists"):
                    build(name).full_clean()
                options = {User.USERNAME_FIELD: name, "email": name, "interactive": False}
                with self.assertRaisesMessage(CommandError, "already taken"):
                    call_command("createsuperuser", **options)

    def test_users_are_found_and_log_in_with_any_form_of_their_name(self) -> None:
        user = build("Ann@Example.com")
        user.set_password(PASSWORD)
        user.save()

        self.assertEqual(user.get_username(), NAME)
        for name in [NAME, *SAME]:
            with self.subTest(name):
                self.assertEqual(User.objects.get(**{User.USERNAME_FIELD: name}), user)
                self.assertEqual(User.objects.get_by_natural_key(name), user)
                found = authenticate(HttpRequest(), username=name, password=PASSWORD)
                self.assertEqual(found, user)

    def test_letters_that_look_alike_stay_different(self) -> None:
        build(NAME).save()
        build("аnn@example.com").save()  # a Cyrillic letter

        self.assertEqual(User.objects.count(), 2)

    def test_migrate_normalizes_stored_names(self) -> None:
        self.store("Ann@Example.com")
        self.store("bo@example.com")

        call_command("migrate", verbosity=0)

        self.assertEqual(self.stored(), {NAME, "bo@example.com"})
        self.assertTrue(authenticate(HttpRequest(), username="Ann@Example.com", password=PASSWORD))

    def test_migrate_names_users_who_would_get_the_same_name(self) -> None:
        for name in [NAME, "Ann@Example.com", "Bo@example.com"]:
            self.store(name)

        with self.assertRaisesMessage(CommandError, "Ann@Example.com, ann@example.com"):
            call_command("migrate", verbosity=0)

        self.assertIn("Bo@example.com", self.stored())

    def test_migrations_see_no_change(self) -> None:
        call_command("makemigrations", check=True, dry_run=True, stdout=StringIO())

    def test_a_name_that_is_too_long_is_invalid(self) -> None:
        with mock.patch.object(names, "normalize") as normalize:
            self.assertEqual(names.name_field().to_python("A" * 1000), "A" * 1000)
        normalize.assert_not_called()
        with self.assertRaises(ValidationError):
            build("ß" * 150).full_clean()
