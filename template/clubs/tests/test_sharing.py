from django.contrib.auth import get_user_model
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.test import TestCase
from django.urls import reverse
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import assign_perm, get_objects_for_user, get_perms

from people.models import Person

from ..models import Club
from ..permissions import may

User = get_user_model()


class SharingTests(TestCase):
    def setUp(self) -> None:
        self.owner, self.other = (
            User.objects.create(**{User.USERNAME_FIELD: f"{name}@example.com"})
            for name in ("owner", "other")
        )
        ada = Person.objects.create(name="Ada", age=36, email="ada@example.com")
        self.club = Club.objects.found(owner=self.owner, president=ada, name="Chess", kind="games")

    def test_a_shared_permission_allows_one_action_for_one_club(self) -> None:
        go = Club.objects.create(owner=self.owner, name="Go", kind="games")
        assign_perm("change_club", self.other, self.club)
        self.client.force_login(self.other)
        form = {"name": "Chess and more", "kind": "games"}

        changed = self.client.post(reverse("clubs:change", args=[self.club.pk]), form)
        deleted = self.client.post(reverse("clubs:delete", args=[self.club.pk]))
        other_club = self.client.post(reverse("clubs:change", args=[go.pk]), form)

        self.assertEqual(
            (changed.status_code, deleted.status_code, other_club.status_code), (302, 403, 403)
        )
        self.assertTrue(Club.objects.filter(name="Chess and more").exists())

    def test_visitors_have_nothing(self) -> None:
        visitor = AnonymousUser()

        self.assertFalse(get_objects_for_user(visitor, "clubs.change_club").exists())
        self.assertEqual(list(get_perms(visitor, self.club)), [])
        self.assertFalse(visitor.has_perm("clubs.change_club", self.club))
        self.assertFalse(may(visitor, "change", self.club))

    def test_a_new_owner_replaces_the_former_one(self) -> None:
        self.club.owner = self.other
        self.club.save()

        self.assertTrue(may(self.other, "delete", self.club))
        self.assertFalse(may(self.owner, "change", self.club))

    def test_deleting_a_club_deletes_its_permissions(self) -> None:
        assign_perm("change_club", self.other, self.club)
        assign_perm("change_club", Group.objects.get(name="Editors"), self.club)

        Club.objects.all().delete()

        self.assertFalse(UserObjectPermission.objects.exists())
        self.assertFalse(GroupObjectPermission.objects.exists())

    def test_the_admin_shares_a_club(self) -> None:
        admin = User(**{User.USERNAME_FIELD: "admin@example.com"}, is_staff=True, is_superuser=True)
        admin.save()
        self.client.force_login(admin)
        args = [self.club.pk, self.other.pk]
        url = reverse("admin:clubs_club_permissions_manage_user", args=args)

        self.client.post(url, {"permissions": ["change_club"]})

        self.assertTrue(may(self.other, "change", self.club))
        self.assertFalse(may(self.other, "delete", self.club))

    def test_staff_cannot_give_themselves_permissions(self) -> None:
        self.other.is_staff = True
        self.other.save()
        self.other.user_permissions.add(Permission.objects.get(codename="change_club"))
        self.client.force_login(self.other)
        args = [self.club.pk, self.other.pk]
        url = reverse("admin:clubs_club_permissions_manage_user", args=args)

        self.client.post(url, {"permissions": ["delete_club"]})

        self.assertFalse(may(User.objects.get(pk=self.other.pk), "delete", self.club))
