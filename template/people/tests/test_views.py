from django.contrib.auth import get_user_model
from django.test import TestCase
from django.urls import reverse

from ..models import Person

User = get_user_model()


class PeoplePagesTests(TestCase):
    def setUp(self) -> None:
        self.client.force_login(User.objects.create(**{User.USERNAME_FIELD: "u@example.com"}))
        self.ada = Person.objects.create(name="Ada", age=36, email="ada@example.com")

    def test_pages_need_a_login(self) -> None:
        self.client.logout()
        for url in [reverse("people:list"), reverse("people:add"), self.ada.get_absolute_url()]:
            with self.subTest(url):
                self.assertRedirects(self.client.get(url), f"{reverse('login')}?next={url}")

    def test_the_list_has_pages(self) -> None:
        Person.objects.bulk_create(
            Person(name=f"Person {number}", age=number, email=f"{number}@example.com")
            for number in range(20)
        )

        first = self.client.get(reverse("people:list"))
        second = self.client.get(reverse("people:list"), {"page": 2})

        self.assertContains(first, "Page 1 of 2")
        self.assertEqual(len(first.context["person_list"]), 20)
        self.assertEqual(len(second.context["person_list"]), 1)

    def test_shows_a_person(self) -> None:
        self.assertContains(self.client.get(self.ada.get_absolute_url()), "36 years old")

    def test_adds_a_person(self) -> None:
        form = {"name": "Grace", "age": 85, "email": "grace@example.com"}

        response = self.client.post(reverse("people:add"), form, follow=True)

        self.assertContains(response, "Grace has been added.")
        self.assertTrue(Person.objects.filter(**form).exists())

    def test_says_what_is_wrong(self) -> None:
        form = {"name": "Methuselah", "age": 969, "email": "ada@example.com"}

        response = self.client.post(reverse("people:add"), form)

        errors = response.context["form"].errors
        self.assertEqual(set(errors), {"age", "email"})

    def test_changes_a_person(self) -> None:
        form = {"name": "Ada Lovelace", "age": 36, "email": "ada@example.com"}

        response = self.client.post(reverse("people:change", args=[self.ada.pk]), form, follow=True)

        self.assertContains(response, "Ada Lovelace has been changed.")

    def test_deletes_a_person_after_asking(self) -> None:
        url = reverse("people:delete", args=[self.ada.pk])

        self.assertContains(self.client.get(url), "Delete Ada")
        response = self.client.post(url, follow=True)

        self.assertContains(response, "The person has been deleted.")
        self.assertFalse(Person.objects.exists())

    def test_an_id_that_no_column_holds(self) -> None:
        response = self.client.get(reverse("people:detail", args=[10**30]))

        self.assertEqual(response.status_code, 404)
