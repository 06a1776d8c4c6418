from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import TestCase

from ..forms import PersonForm
from ..models import Person


class ImportPeopleTests(TestCase):
    def import_people(self, content: str | bytes) -> str:
        output = StringIO()
        with TemporaryDirectory() as folder:
            file = Path(folder) / "people.csv"
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
            call_command("import_people", str(file), stdout=output)
        return output.getvalue()

    def test_imports_every_line(self) -> None:
        printed = self.import_people(
            "\ufeffemail,name,age,note\nada@example.com,Ada,36,\ngrace@example.com,Grace,85,x\n"
        )

        self.assertEqual(printed, "Imported 2 people.\n")
        self.assertEqual([person.name for person in Person.objects.all()], ["Ada", "Grace"])

    def test_names_an_invalid_line_and_imports_nobody(self) -> None:
        lines = {
            'name,age,email\nAda,36,a@example.com\n"Me\nthuselah",969,m@example.com\n': "line 4: age",
            "name,age,email\nAda,36,a@example.com\nEve,1,a@example.com\n": "line 3: email",
            "name,age,email\nAda,36\n": "line 2: email",
            "name,age\nAda,36\n": "has no column email",
            "": "has no column age, email, name",
        }
        for content, wrong in lines.items():
            with self.subTest(content), self.assertRaisesMessage(CommandError, wrong):
                self.import_people(content)
            self.assertFalse(Person.objects.exists())

    def test_names_a_file_that_cannot_be_read(self) -> None:
        with self.assertRaisesMessage(CommandError, "cannot be read"):
            self.import_people(b"name,age,email\n\xff")
        with self.assertRaisesMessage(CommandError, "cannot be read"):
            call_command("import_people", "nowhere.csv")

    def test_a_thousand_people_take_one_insert(self) -> None:
        lines = [f"Person {number},{number % 100},{number}@example.com" for number in range(1500)]

        statements: list[str] = []

        def remember(execute: Any, sql: str, *args: Any) -> Any:
            statements.append(sql.split()[0])
            return execute(sql, *args)

        with connection.execute_wrapper(remember):
            self.import_people("\n".join(["name,age,email", *lines]))

        self.assertEqual(statements.count("INSERT"), 2)
        self.assertNotIn("SELECT", statements)
        self.assertEqual(Person.objects.count(), 1500)

    def test_an_invalid_line_after_the_first_thousand(self) -> None:
        Person.objects.create(name="Ada", age=36, email="ada@example.com")
        lines = [f"Person {number},1,{number}@example.com" for number in range(1010)]
        for last, wrong in [
            ("Eve,1,ada@example.com", "line 1012: email: Person with this Email address already"),
            ("Eve,1,1005@example.com", "line 1012: email: Person with this Email address already"),
            ("Eve,151,eve@example.com", "line 1012: age: "),
        ]:
            with self.subTest(last), self.assertRaisesMessage(CommandError, wrong):
                self.import_people("\n".join(["name,age,email", *lines, last, "Eve,x,"]))
            self.assertEqual(Person.objects.get().name, "Ada")

    def test_keeps_the_rules_of_the_form(self) -> None:
        def refuse(form: PersonForm) -> str:
            raise ValidationError("No names, please.")

        with (
            mock.patch.object(PersonForm, "clean_name", refuse, create=True),
            self.assertRaisesMessage(CommandError, "line 2: name: No names, please."),
        ):
            self.import_people("name,age,email\nAda,36,ada@example.com\n")


class ExportPeopleTests(TestCase):
    def test_imports_what_it_exports(self) -> None:
        names = ["=1+1", "'=1+1", "''-", "+1", "@Ada", "'t Hooft", 'A "B", C', "A\nB\r\nC\rD", "Ł"]
        Person.objects.bulk_create(
            Person(name=name, age=number, email=f"=+{number}@example.com")
            for number, name in enumerate(names)
        )
        people = Person.objects.order_by("age").values_list("name", "age", "email")
        before = list(people)

        with TemporaryDirectory() as folder:
            file = Path(folder) / "people.csv"
            with self.assertNumQueries(1):
                call_command("export_people", str(file))
            exported = file.read_text(encoding="utf-8")
            Person.objects.all().delete()
            call_command("import_people", str(file), stdout=StringIO())

        self.assertEqual(list(people), before)
        self.assertNotRegex(exported, r"(?m)(^|,)\"?[=+\-@]")

    def test_names_a_file_that_cannot_be_written(self) -> None:
        with self.assertRaisesMessage(CommandError, "cannot be written"):
            call_command("export_people", "nowhere/people.csv")
