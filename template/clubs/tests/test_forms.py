from django.contrib.auth import get_user_model
from django.test import TestCase

from people.models import Person

from ..forms import FoundingForm, MembershipForm
from ..models import Club

User = get_user_model()


class FormTests(TestCase):
    def setUp(self) -> None:
        self.owner = User.objects.create(**{User.USERNAME_FIELD: "owner@example.com"})
        self.ada = Person.objects.create(name="Ada", age=36, email="ada@example.com")

    def founding(self, **fields: object) -> FoundingForm:
        given = {"name": "Chess", "kind": "games", "president": self.ada.pk, **fields}
        return FoundingForm(given, instance=Club(owner=self.owner))

    def found(self, **fields: object) -> Club:
        form = self.founding(**fields)
        self.assertTrue(form.is_valid())
        return form.save()

    def test_a_house_needs_an_address_and_seats(self) -> None:
        for house, wrong in [
            ({}, set()),
            ({"address": "Main Street 1", "seats": "8"}, set()),
            ({"address": "Main Street 1"}, {"seats"}),
            ({"seats": "8"}, {"address"}),
            ({"address": "Main Street 1", "seats": "0"}, {"seats"}),
            ({"seats": "many"}, {"seats"}),
        ]:
            with self.subTest(house):
                self.assertEqual(set(self.founding(**house).errors), wrong)

    def test_founds_a_club(self) -> None:
        club = self.found(address="Main Street 1", seats="8")

        self.assertEqual(list(club.members.all()), [self.ada])
        self.assertEqual(club.house.seats, 8)
        self.assertEqual(set(self.founding().errors), {"name"})

    def test_refuses_a_second_membership_and_a_second_president(self) -> None:
        club = self.found()
        other = Person.objects.create(name="Grace", age=85, email="grace@example.com")

        for person, role, message in [
            (self.ada, "member", "This person is a member already."),
            (other, "president", "The club has a president already."),
        ]:
            with self.subTest(role):
                form = MembershipForm({"person": person.pk, "role": role}, initial={"club": club})

                self.assertEqual(form.non_field_errors(), [message])
