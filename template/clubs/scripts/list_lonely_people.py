"""manage.py runscript list_lonely_people: print all people without a club."""

from people.models import Person


def run() -> None:
    for person in Person.objects.filter(memberships=None):
        print(f"{person} <{person.email}>")
