from importlib import import_module

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection
from django.test import TestCase, TransactionTestCase

from clubs.signals import restore_editors

User = get_user_model()

editors = import_module("clubs.migrations.0002_editors")


class EditorsTests(TestCase):
    def forward(self) -> None:
        editors.make_group(apps, connection.schema_editor(atomic=False))

    def backward(self) -> None:
        editors.delete_group(apps, connection.schema_editor(atomic=False))

    def permissions(self) -> set[str]:
        group = Group.objects.get(name="Editors")
        return {permission.codename for permission in group.permissions.all()}

    def test_editors_may_write_people_and_clubs(self) -> None:
        wanted = {
            f"{action}_{model}"
            for action in ("add", "change", "delete")
            for model in ("club", "person")
        }

        self.assertEqual(self.permissions(), wanted)

    def test_creates_permissions_that_do_not_exist_yet(self) -> None:
        wanted = self.permissions()
        self.backward()
        self.assertFalse(Group.objects.exists())
        Permission.objects.all().delete()
        ContentType.objects.all().delete()

        self.forward()

        self.assertEqual(self.permissions(), wanted)

    def test_an_existing_group_stays_unchanged(self) -> None:
        group = Group.objects.get(name="Editors")
        group.permissions.clear()

        self.forward()
        self.assertEqual(self.permissions(), set())
        self.backward()
        self.assertTrue(Group.objects.exists())

    def test_a_renamed_group_stays_renamed(self) -> None:
        Group.objects.update(name="Writers")

        restore_editors(using="default")

        self.assertEqual(Group.objects.get().name, "Writers")

    def test_a_group_with_members_is_not_deleted(self) -> None:
        user = User.objects.create(**{User.USERNAME_FIELD: "ada@example.com"})
        user.groups.add(Group.objects.get(name="Editors"))

        self.backward()

        self.assertTrue(Group.objects.exists())


class FlushTests(TransactionTestCase):
    def test_the_group_is_there_after_flush(self) -> None:
        call_command("flush", interactive=False, verbosity=0)

        self.assertEqual(Group.objects.get(name="Editors").permissions.count(), 6)
