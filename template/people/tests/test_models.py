from copy import copy

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.db.migrations import Migration
from django.test import TestCase, TransactionTestCase

from ..apps import INDEXES, drop_indexes, find_indexes, make_indexes
from ..models import Person

NAMES = {index.name for index in INDEXES}


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


class ListTests(TestCase):
    def test_each_order_has_an_index(self) -> None:
        if connection.vendor != "sqlite":  # others read a small table as a whole
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_seqscan = off")
        for order in ["name", "age", "email"]:
            for direction in ["", "-"]:
                with self.subTest(direction + order):
                    people = Person.objects.order_by(direction + order, f"{direction}pk")
                    plan = people.explain()

                    self.assertIn("index", plan.lower())
                    self.assertNotIn("b-tree", plan.lower())  # how SQLite sorts
                    self.assertNotRegex(plan, "^Sort")


class IndexesTests(TransactionTestCase):
    def test_a_table_that_is_made_anew_gets_its_indexes_again(self) -> None:
        name = Person._meta.get_field("name")
        longer = copy(name)
        longer.max_length = 200
        with connection.schema_editor() as editor:
            editor.alter_field(Person, name, longer)
            editor.alter_field(Person, longer, name)

        make_indexes("default")

        self.assertLessEqual(NAMES, find_indexes("default", "people_person"))

    def test_sqlite_can_remove_columns(self) -> None:
        drop_indexes("default", plan=[(Migration("0002_x", "clubs"), False)])
        self.assertLessEqual(NAMES, find_indexes("default", "people_person"))

        drop_indexes("default", plan=[(Migration("0002_x", "people"), False)])
        dropped = NAMES.isdisjoint(find_indexes("default", "people_person"))
        self.assertIs(dropped, connection.vendor == "sqlite")

        make_indexes("default")
        self.assertLessEqual(NAMES, find_indexes("default", "people_person"))
