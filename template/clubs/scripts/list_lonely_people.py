"""manage.py runscript list_lonely_people: who is in no club yet."""

from people.models import Person


def run() -> None:
    for person in Person.objects.filter(memberships=None):
        print(f"{person} <{person.email}>")
