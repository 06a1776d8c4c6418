from importlib import import_module

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import TestCase

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

    def test_editors_write_people_and_clubs(self) -> None:
        wanted = {
            f"{action}_{model}"
            for action in ("add", "change", "delete")
            for model in ("club", "person")
        }

        self.assertEqual(self.permissions(), wanted)

    def test_goes_and_comes_back_where_permissions_are_not_made_yet(self) -> None:
        wanted = self.permissions()
        self.backward()
        self.assertFalse(Group.objects.exists())
        Permission.objects.all().delete()
        ContentType.objects.all().delete()

        self.forward()

        self.assertEqual(self.permissions(), wanted)

    def test_a_group_of_that_name_stays_as_it_is(self) -> None:
        group = Group.objects.get(name="Editors")
        group.permissions.clear()

        self.forward()
        self.assertEqual(self.permissions(), set())
        self.backward()
        self.assertTrue(Group.objects.exists())

    def test_a_group_with_people_in_it_stays(self) -> None:
        user = User.objects.create(**{User.USERNAME_FIELD: "ada@example.com"})
        user.groups.add(Group.objects.get(name="Editors"))

        self.backward()

        self.assertTrue(Group.objects.exists())
