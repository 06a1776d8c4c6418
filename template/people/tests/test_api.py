from django.contrib.auth import get_user_model
from django.urls import reverse
from rest_framework.test import APITestCase

from ..models import Person

User = get_user_model()


class PeopleApiTests(APITestCase):
    def setUp(self) -> None:
        self.client.force_authenticate(User(**{User.USERNAME_FIELD: "u@example.com"}, pk=1))
        self.ada = Person.objects.create(name="Ada", age=36, email="ada@example.com")

    def test_needs_a_login(self) -> None:
        self.client.force_authenticate(None)

        self.assertEqual(self.client.get(reverse("person-list")).status_code, 401)

    def test_lists_pages_of_people(self) -> None:
        Person.objects.bulk_create(
            Person(name=f"Person {number}", age=1, email=f"{number}@example.com")
            for number in range(300)
        )

        for asked, given in [("2", 2), ("100000000000000000000", 200), ("no", 50)]:
            with self.subTest(asked):
                response = self.client.get(reverse("person-list"), {"page_size": asked})

                self.assertEqual(response.json()["count"], 301)
                self.assertEqual(len(response.json()["results"]), given)

    def test_adds_changes_and_deletes(self) -> None:
        person = {"name": "Grace", "age": 85, "email": "grace@example.com"}
        created = self.client.post(reverse("person-list"), person, format="json")
        url = reverse("person-detail", args=[created.json()["id"]])
        changed = self.client.patch(url, {"age": 86}, format="json")
        deleted = self.client.delete(url)

        self.assertEqual(created.status_code, 201)
        self.assertEqual(changed.json()["age"], 86)
        self.assertEqual(deleted.status_code, 204)
        self.assertEqual(list(Person.objects.all()), [self.ada])

    def test_says_what_is_wrong(self) -> None:
        person = {"name": "", "age": 151, "email": "ada@example.com"}

        response = self.client.post(reverse("person-list"), person, format="json")

        self.assertEqual(response.status_code, 400)
        self.assertEqual(set(response.json()), {"name", "age", "email"})
