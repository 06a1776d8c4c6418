from django.contrib.auth import get_user_model
from django.test import TestCase
from django.urls import reverse

from ..models import Person

User = get_user_model()


class PersonAdminTests(TestCase):
    def test_finds_people(self) -> None:
        admin = User(**{User.USERNAME_FIELD: "admin@example.com"}, is_staff=True, is_superuser=True)
        admin.save()
        self.client.force_login(admin)
        Person.objects.create(name="Ada", age=36, email="ada@example.com")
        Person.objects.create(name="Grace", age=85, email="grace@example.com")

        response = self.client.get(reverse("admin:people_person_changelist"), {"q": "ada"})

        self.assertContains(response, "ada@example.com")
        self.assertNotContains(response, "grace@example.com")
