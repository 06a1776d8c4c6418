from django.apps import apps
from django.apps.registry import Apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.serializers import deserialize, serialize
from django.db import IntegrityError, transaction
from django.test import TestCase
from django.urls import reverse
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import assign_perm, remove_perm

from people.models import Person

from ..models import Club
from ..owners import give_to_all_owners
from ..permissions import may

User = get_user_model()


class OwnerTests(TestCase):
    def setUp(self) -> None:
        self.owner, self.other = (
            User.objects.create(**{User.USERNAME_FIELD: f"{name}@example.com"})
            for name in ("owner", "other")
        )
        ada = Person.objects.create(name="Ada", age=36, email="ada@example.com")
        self.club = Club.objects.found(owner=self.owner, president=ada, name="Chess", kind="games")

    def test_an_owner_has_the_permissions_for_the_club(self) -> None:
        for permission in ["clubs.change_club", "clubs.delete_club"]:
            with self.subTest(permission):
                self.assertTrue(self.owner.has_perm(permission, self.club))
                self.assertFalse(self.owner.has_perm(permission))
                self.assertFalse(self.other.has_perm(permission, self.club))

    def test_a_new_owner_takes_them_over(self) -> None:
        self.club.owner = self.other
        self.club.save()

        self.assertTrue(may(self.other, "delete", self.club))
        self.assertFalse(may(self.owner, "change", self.club))

    def test_a_save_that_fails_changes_nothing(self) -> None:
        ada = Person.objects.get()
        Club.objects.found(owner=self.other, president=ada, name="Go", kind="games")
        self.club.owner, self.club.name = self.other, "Go"

        with self.assertRaises(IntegrityError), transaction.atomic():
            self.club.save()

        self.assertTrue(may(self.owner, "change", self.club))

    def test_a_permission_that_was_taken_away_does_not_come_back(self) -> None:
        remove_perm("change_club", self.owner, self.club)

        self.club.save()

        self.assertFalse(may(self.owner, "change", self.club))

    def test_who_is_given_one_of_them_may_do_that_and_no_more(self) -> None:
        assign_perm("change_club", self.other, self.club)
        self.client.force_login(self.other)
        form = {"name": "Chess and Go", "kind": "games"}

        changed = self.client.post(reverse("clubs:change", args=[self.club.pk]), form)
        deleted = self.client.post(reverse("clubs:delete", args=[self.club.pk]))

        self.assertEqual((changed.status_code, deleted.status_code), (302, 403))
        self.assertTrue(Club.objects.filter(name="Chess and Go").exists())

    def test_they_go_with_the_club(self) -> None:
        assign_perm("change_club", Group.objects.get(name="Editors"), self.club)

        self.club.delete()

        self.assertFalse(UserObjectPermission.objects.exists())
        self.assertFalse(GroupObjectPermission.objects.exists())

    def test_fixtures_bring_their_own(self) -> None:
        fixture = serialize("json", [self.club])
        self.club.delete()

        for club in deserialize("json", fixture):
            club.save()

        self.assertTrue(Club.objects.exists())
        self.assertFalse(UserObjectPermission.objects.exists())

    def test_migrate_gives_them_to_owners_of_older_clubs(self) -> None:
        UserObjectPermission.objects.all().delete()

        call_command("migrate", verbosity=0)

        self.assertTrue(may(self.owner, "change", self.club))
        with self.assertNumQueries(1):
            give_to_all_owners(apps.get_app_config("clubs"))

    def test_migrate_of_another_database_leaves_them_alone(self) -> None:
        UserObjectPermission.objects.all().delete()

        give_to_all_owners(apps.get_app_config("clubs"), using="other")

        self.assertFalse(UserObjectPermission.objects.exists())

    def test_migrate_waits_for_the_tables(self) -> None:
        UserObjectPermission.objects.all().delete()

        give_to_all_owners(apps.get_app_config("clubs"), apps=Apps())

        self.assertFalse(UserObjectPermission.objects.exists())
