from django.contrib.auth import get_user_model
from django.test import TestCase
from django.urls import reverse

from people.models import Person

from ..models import Club

User = get_user_model()


class ClubAdminTests(TestCase):
    def setUp(self) -> None:
        self.admin = User.objects.create(
            **{User.USERNAME_FIELD: "admin@example.com"}, is_staff=True, is_superuser=True
        )
        self.client.force_login(self.admin)
        self.ada = Person.objects.create(name="Ada", age=36, email="ada@example.com")

    def test_adds_a_club_with_its_house_and_members(self) -> None:
        page = reverse("admin:clubs_club_add")
        self.assertContains(self.client.get(page), "Times")

        form = {
            "name": "Chess",
            "kind": "games",
            "owner": self.admin.pk,
            "house-TOTAL_FORMS": "1",
            "house-INITIAL_FORMS": "0",
            "house-0-address": "Main Street 1",
            "house-0-seats": "8",
            "memberships-TOTAL_FORMS": "1",
            "memberships-INITIAL_FORMS": "0",
            "memberships-0-person": self.ada.pk,
            "memberships-0-role": "president",
        }
        self.client.post(page, form)

        club = Club.objects.get()
        self.assertEqual(club.house.seats, 8)
        self.assertEqual(list(club.members.all()), [self.ada])

    def test_lists_sizes(self) -> None:
        Club.objects.found(owner=self.admin, president=self.ada, name="Chess", kind="games")

        response = self.client.get(reverse("admin:clubs_club_changelist"), {"q": "che"})

        self.assertContains(response, '<td class="field-size">1</td>', html=True)
