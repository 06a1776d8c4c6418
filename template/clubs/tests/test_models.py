from contextlib import redirect_stdout
from io import StringIO
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.test import TestCase

from people.models import Person

from ..models import FIGURES, Club, House, Membership

User = get_user_model()


class ClubTests(TestCase):
    def setUp(self) -> None:
        self.owner = User.objects.create(**{User.USERNAME_FIELD: "owner@example.com"})
        self.ada = Person.objects.create(name="Ada", age=36, email="ada@example.com")
        self.grace = Person.objects.create(name="Grace", age=84, email="grace@example.com")

    def found(self, name: str, president: Person, **fields: Any) -> Club:
        return Club.objects.found(
            owner=self.owner, president=president, name=name, kind=Club.Kind.GAMES, **fields
        )

    def test_is_founded_with_a_president_and_a_house(self) -> None:
        club = self.found("Chess", self.ada, address="Main Street 1", seats=8)

        self.assertEqual(str(club), "Chess")
        self.assertEqual(str(club.memberships.get()), "Ada, President")
        self.assertEqual(str(club.house), "Main Street 1")

    def test_a_club_with_an_invalid_house_is_not_founded(self) -> None:
        with self.assertRaises(IntegrityError):
            self.found("Chess", self.ada, address="Main Street 1", seats=0)

        for model in [Club, House, Membership]:
            self.assertFalse(model._default_manager.exists())

    def test_sizes_and_figures(self) -> None:
        self.found("Go", self.grace)
        chess = self.found("Chess", self.ada)
        chess.members.add(self.grace)

        sizes = [(club.name, club.size) for club in Club.objects.with_size()]
        self.assertEqual(sizes, [("Chess", 2), ("Go", 1)])
        Person.objects.create(name="Eve", age=18, email="eve@example.com")
        figures = Person.objects.exclude(memberships=None).aggregate(**FIGURES)
        self.assertEqual(figures, {"people": 2, "age": 60})

    def test_refuses_a_second_membership_and_a_second_president(self) -> None:
        club = self.found("Chess", self.ada)

        for person, role in [(self.ada, "member"), (self.grace, "president")]:
            with self.subTest(role), self.assertRaises(IntegrityError), transaction.atomic():
                Membership.objects.create(club=club, person=person, role=role)

    def test_times_are_kept(self) -> None:
        club = self.found("Chess", self.ada)
        created, changed = club.created_at, club.changed_at

        club.save()

        self.assertEqual(club.created_at, created)
        self.assertGreater(club.changed_at, changed)

    def test_the_owner_of_a_club_cannot_be_deleted(self) -> None:
        self.found("Chess", self.ada)

        with self.assertRaises(ProtectedError):
            self.owner.delete()


class DeletionTests(TestCase):
    def test_logs_each_deletion_and_its_cascades(self) -> None:
        owner = User.objects.create(**{User.USERNAME_FIELD: "owner@example.com"})
        ada = Person.objects.create(name="Ada", age=36, email="ada@example.com")
        club = Club.objects.found(owner=owner, president=ada, name="Chess", kind="games")
        member, person = club.memberships.get().pk, ada.pk

        with self.assertLogs("clubs.signals", "INFO") as logs:
            Person.objects.all().delete()

        self.assertEqual(
            {record.getMessage() for record in logs.records},
            {f"Deleted: clubs.Membership {member}", f"Deleted: people.Person {person}"},
        )


class ListLonelyPeopleTests(TestCase):
    def test_lists_who_is_in_no_club(self) -> None:
        owner = User.objects.create(**{User.USERNAME_FIELD: "owner@example.com"})
        ada = Person.objects.create(name="Ada", age=36, email="ada@example.com")
        Person.objects.create(name="Eve", age=1, email="eve@example.com")
        Club.objects.found(owner=owner, president=ada, name="Chess", kind="games")

        with redirect_stdout(StringIO()) as output:
            call_command("runscript", "list_lonely_people")

        self.assertEqual(output.getvalue(), "Eve <eve@example.com>\n")
