from copy import copy
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.db.migrations import Migration
from django.test import TestCase, TransactionTestCase
from django.test.utils import CaptureQueriesContext

from .. import indexes
from ..filters import find
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


class ListTests(TestCase):
    def setUp(self) -> None:
        if connection.vendor != "sqlite":  # others read a small table as a whole
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL enable_seqscan = off")

    def test_a_search_has_an_index(self) -> None:
        plan = find(Person.objects.order_by(), "ada").explain()

        self.assertIn("people_person_words", plan)

    def test_each_order_has_an_index(self) -> None:
        for order in ["name", "age", "email"]:
            for direction in ["", "-"]:
                with self.subTest(direction + order):
                    people = Person.objects.order_by(direction + order, f"{direction}pk")
                    plan = people.explain()

                    self.assertIn("index", plan.lower())
                    self.assertNotIn("b-tree", plan.lower())  # how SQLite sorts
                    self.assertNotRegex(plan, "^Sort")


class IndexesTests(TransactionTestCase):
    def assert_complete(self) -> None:
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, "people_person")
        self.assertLessEqual({"people_person_age_id", "people_person_name_id"}, found.keys())
        person = Person.objects.create(name="Eve", age=1, email="eve@example.com")
        self.assertEqual(list(find(Person.objects.all(), "eve")), [person])

    def test_a_table_that_is_made_anew_gets_its_indexes_again(self) -> None:
        name = Person._meta.get_field("name")
        longer = copy(name)
        longer.max_length = 200
        Person.objects.create(name="Ada", age=36, email="ada@example.com")
        with connection.schema_editor() as editor:
            editor.alter_field(Person, name, longer)
            editor.alter_field(Person, longer, name)
        Person.objects.create(name="Grace", age=85, email="grace@example.com")

        indexes.make("default")

        self.assert_complete()
        for word in ["ada", "grace"]:
            self.assertTrue(find(Person.objects.all(), word).exists())

    def test_an_existing_index_is_left_alone(self) -> None:
        """To make it, even if it exists, waits until nobody writes to the table."""
        with CaptureQueriesContext(connection) as queries:
            indexes.make("default")

        self.assertFalse([query for query in queries if "CREATE" in query["sql"].upper()])

    def test_a_migration_of_another_app_keeps_them(self) -> None:
        indexes.drop("default", plan=[(Migration("0002_x", "clubs"), False)])

        self.assert_complete()

    def test_a_migration_can_remove_a_column(self) -> None:
        Person.objects.create(name="Ada", age=36, email="ada@example.com")
        indexes.drop("default", plan=[(Migration("0002_x", "people"), False)])
        self.assertTrue(find(Person.objects.all(), "ada").exists())
        Person.objects.all().delete()
        name: Any = Person._meta.get_field("name")
        with connection.schema_editor() as editor:
            editor.execute("ALTER TABLE people_person DROP COLUMN name")
            editor.add_field(Person, name)

        indexes.make("default")

        self.assert_complete()

    def test_a_database_without_people_gets_none(self) -> None:
        indexes.drop("default", plan=[(Migration("0002_x", "people"), False)])
        with connection.schema_editor() as editor:
            editor.alter_db_table(Person, "people_person", "people_elsewhere")
        try:
            indexes.make("default")

            with connection.cursor() as cursor:
                tables = connection.introspection.table_names(cursor)
            self.assertNotIn("people_person_words", tables)
        finally:
            with connection.schema_editor() as editor:
                editor.alter_db_table(Person, "people_elsewhere", "people_person")
            indexes.make("default")


class SearchTests(TestCase):
    def find(self, text: str) -> list[str]:
        return [person.name for person in find(Person.objects.all(), text)]

    def test_finds_words_by_their_start(self) -> None:
        for number, name in enumerate(["Ada King-Noel", "ŁUCJA d'Arc", "O_Neil 1e5 a.b"]):
            Person.objects.create(name=name, age=1, email=f"x{number}.y+z@Mail{number}.example")

        for text, found in [
            ("ada", 1),
            ("KI noel", 1),
            ("king-noel", 1),
            ("arc D", 1),
            ("neil", 1),
            ("b", 1),
            ("1e5", 1),
            ("mail2", 1),
            ("x2.y+z@mail2.example", 1),
            ("z example", 3),
            ("ada – king", 1),
            ("ada\0king", 1),
            (" ", 3),
            ("ing", 0),
            ("ada łucja", 0),
            ("*", 0),
            ("' : & | ! ( ) < > \\ \" * ^ - + { } % _", 0),
            ("ada OR NOT NEAR AND", 0),
            ("–", 0),
            ("x" * 10_000, 0),
            ("x " * 10_000, 0),
            ("x " * 200, 3),
        ]:
            with self.subTest(text):
                self.assertEqual(len(self.find(text)), found)

    def test_finds_people_in_a_query_about_others(self) -> None:
        for name, age in [("Ada", 36), ("Grace", 36), ("Eve", 1)]:
            Person.objects.create(name=name, age=age, email=f"{name}@example.com")

        ages = find(Person.objects.all(), "ada").values("age")

        self.assertEqual(Person.objects.filter(age__in=ages).count(), 2)

    def test_finds_what_has_changed(self) -> None:
        ada = Person.objects.create(name="Ada", age=36, email="a@example.com")
        Person.objects.filter(pk=ada.pk).update(name="Grace")
        Person.objects.bulk_create([Person(name="Eve", age=1, email="e@example.com")])

        self.assertEqual(self.find("ada"), [])
        self.assertEqual(self.find("grace"), ["Grace"])
        self.assertEqual(self.find("eve"), ["Eve"])
        Person.objects.all().delete()
        self.assertEqual(self.find("example"), [])
