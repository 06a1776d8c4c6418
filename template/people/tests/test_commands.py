from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import CommandError, call_command
from django.test import TestCase

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
