from contextlib import redirect_stdout
from io import StringIO

from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import TestCase

from people.models import Person

from ..models import Club

User = get_user_model()


class ListLonelyPeopleTests(TestCase):
    def test_lists_who_is_in_no_club(self) -> None:
        owner = User.objects.create(**{User.USERNAME_FIELD: "owner@example.com"})
        ada = Person.objects.create(name="Ada", age=36, email="ada@example.com")
        Person.objects.create(name="Eve", age=1, email="eve@example.com")
        Club.objects.found(owner=owner, president=ada, name="Chess", kind="games")

        with redirect_stdout(StringIO()) as output:
            call_command("runscript", "list_lonely_people")

        self.assertEqual(output.getvalue(), "Eve <eve@example.com>\n")
