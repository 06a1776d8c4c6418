from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.test import TestCase

from ..models import Person


class PersonTests(TestCase):
    def test_is_shown_by_name(self) -> None:
        self.assertEqual(str(Person(name="Ada", age=36, email="ada@example.com")), "Ada")

    def test_an_address_belongs_to_one_person(self) -> None:
        Person.objects.create(name="Ada", age=36, email="ada@example.com")

        with self.assertRaises(IntegrityError):
            Person.objects.create(name="Other", age=40, email="ada@example.com")

    def test_ages_are_checked_by_forms_and_by_the_database(self) -> None:
        person = Person(name="Methuselah", age=969, email="old@example.com")

        with self.assertRaises(ValidationError):
            person.full_clean()
        with self.assertRaises(IntegrityError):
            person.save()
