from unittest import mock

from django.contrib.auth import get_user_model
from django.test import TestCase
from django.urls import reverse

from ..admin import BoundedPaginator
from ..models import Person

User = get_user_model()


class PersonAdminTests(TestCase):
    def setUp(self) -> None:
        admin = User(**{User.USERNAME_FIELD: "admin@example.com"}, is_staff=True, is_superuser=True)
        admin.save()
        self.client.force_login(admin)
        self.url = reverse("admin:people_person_changelist")

    def test_finds_people(self) -> None:
        Person.objects.create(name="Ada", age=36, email="ada@example.com")
        Person.objects.create(name="Grace", age=85, email="grace@example.com")

        response = self.client.get(self.url, {"q": "ada"})

        self.assertContains(response, "ada@example.com")
        self.assertNotContains(response, "grace@example.com")

    def test_counts_up_to_a_limit(self) -> None:
        Person.objects.bulk_create(
            Person(name="Eve", age=number, email=f"{number}@example.com") for number in range(30)
        )
        for limit, shown in [(29, "29+ people"), (30, "30 people")]:
            with self.subTest(limit), mock.patch.object(BoundedPaginator, "limit", limit):
                response = self.client.get(self.url)

                self.assertContains(response, shown)

    def test_lists_people_by_decade(self) -> None:
        for age in [29, 30, 39, 40, 150]:
            Person.objects.create(name=f"Person {age}", age=age, email=f"{age}@example.com")
        for decade, ages in [("30", [30, 39]), ("150", [150]), ("x", [29, 30, 39, 40, 150])]:
            with self.subTest(decade):
                response = self.client.get(self.url, {"decade": decade})

                people = response.context["cl"].result_list
                self.assertEqual({person.age for person in people}, {*ages})

    def test_the_list_reads_no_whole_table(self) -> None:
        with self.assertNumQueries(2 + 2):  # session and user, a bounded count, and the page
            self.client.get(self.url)
