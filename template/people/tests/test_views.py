from typing import Any
from unittest import mock

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.test import TestCase, override_settings
from django.urls import reverse

from ..models import Person

User = get_user_model()


@override_settings(LANGUAGE_CODE="en")
class PeoplePagesTests(TestCase):
    def setUp(self) -> None:
        self.user = User.objects.create(**{User.USERNAME_FIELD: "u@example.com"})
        self.user.groups.add(Group.objects.get(name="Editors"))
        self.client.force_login(self.user)
        self.ada = Person.objects.create(name="Ada", age=36, email="ada@example.com")

    def test_two_requests_that_store_the_same_address_at_once(self) -> None:
        check = Person.validate_unique

        def lose_the_race(person: Person, *args: Any, **kwargs: Any) -> None:
            check(person, *args, **kwargs)
            Person.objects.create(name="First", age=1, email="new@example.com")

        for url in [reverse("people:add"), reverse("people:change", args=[self.ada.pk])]:
            Person.objects.exclude(pk=self.ada.pk).delete()
            with self.subTest(url), mock.patch.object(Person, "validate_unique", lose_the_race):
                form = {"name": "Second", "age": 2, "email": "new@example.com"}
                response = self.client.post(url, form)

                self.assertContains(response, "already exists")
                self.assertEqual(Person.objects.get(email="new@example.com").name, "First")

    def test_pages_need_a_login(self) -> None:
        self.client.logout()
        for url in [reverse("people:list"), reverse("people:add"), self.ada.get_absolute_url()]:
            with self.subTest(url):
                self.assertRedirects(self.client.get(url), f"{reverse('login')}?next={url}")

    def test_other_users_can_only_read(self) -> None:
        self.user.groups.clear()
        add, change, delete = (
            reverse("people:add"),
            reverse("people:change", args=[self.ada.pk]),
            reverse("people:delete", args=[self.ada.pk]),
        )

        for page in [reverse("people:list"), self.ada.get_absolute_url()]:
            response = self.client.get(page)
            self.assertContains(response, "Ada")
            for url in [add, change, delete]:
                self.assertNotContains(response, url)
        for url in [add, change, delete]:
            with self.subTest(url):
                response = self.client.post(url)

                self.assertContains(response, "Not allowed", status_code=403)
        self.assertTrue(Person.objects.exists())

    def test_editors_see_links_to_add_change_and_delete(self) -> None:
        self.assertContains(self.client.get(reverse("people:list")), reverse("people:add"))
        response = self.client.get(self.ada.get_absolute_url())
        for page in ["people:change", "people:delete"]:
            self.assertContains(response, reverse(page, args=[self.ada.pk]))

    def test_the_list_has_pages(self) -> None:
        Person.objects.bulk_create(
            Person(name=f"Person {number}", age=number, email=f"{number}@example.com")
            for number in range(20)
        )

        first = self.client.get(reverse("people:list"))
        page = {"page": first.context["page_obj"].next_page_number()}
        second = self.client.get(reverse("people:list"), page)
        last = self.client.get(reverse("people:list"), {"page": "last"})

        self.assertEqual(len(first.context["person_list"]), 20)
        self.assertEqual(len(second.context["person_list"]), 1)
        self.assertEqual(len(last.context["person_list"]), 20)
        for name, here in [("first", first), ("second", second), ("last", last)]:
            with self.subTest(name):
                self.assertIs(b'rel="prev"' in here.content, here is not first)
                self.assertIs(b'rel="next"' in here.content, here is first)

    def test_a_page_of_the_list_takes_one_query(self) -> None:
        with self.assertNumQueries(1 + 4):  # session, user, and permissions
            self.client.get(reverse("people:list"))

    def test_a_page_that_does_not_exist(self) -> None:
        for page in ["0", "2", "x:y"]:
            with self.subTest(page):
                response = self.client.get(reverse("people:list"), {"page": page})

                self.assertEqual(response.status_code, 404)

    def test_finds_people_by_every_word(self) -> None:
        Person.objects.create(name="Ada Byron", age=36, email="byron@example.org")

        for words, found in [("ada", 2), ("ada .org", 1), ("ada grace", 0), ("%", 0)]:
            with self.subTest(words):
                response = self.client.get(reverse("people:list"), {"q": words})

                self.assertEqual(len(response.context["person_list"]), found)

    def test_refuses_a_search_that_is_too_long(self) -> None:
        response = self.client.get(reverse("people:list"), {"q": "a" * 101})

        self.assertContains(response, "at most 100 characters")

    def test_links_to_other_pages_keep_the_search(self) -> None:
        Person.objects.bulk_create(
            Person(name="Eve", age=1, email=f"{number}@example.com") for number in range(21)
        )

        first = self.client.get(reverse("people:list"), {"q": "eve"})
        page = {"q": "eve", "page": first.context["page_obj"].next_page_number()}
        second = self.client.get(reverse("people:list"), page)

        self.assertContains(first, "?q=eve&amp;page=")
        self.assertContains(second, "?q=eve&amp;page=")
        self.assertContains(second, 'href="?q=eve"')
        self.assertEqual(len(second.context["person_list"]), 1)

    def test_shows_a_person(self) -> None:
        self.assertContains(self.client.get(self.ada.get_absolute_url()), "36 years old")

    def test_adds_a_person(self) -> None:
        form = {"name": "Grace", "age": 85, "email": "grace@example.com"}

        response = self.client.post(reverse("people:add"), form, follow=True)

        self.assertContains(response, "Grace has been added.")
        self.assertTrue(Person.objects.filter(**form).exists())

    def test_names_invalid_fields(self) -> None:
        form = {"name": "Methuselah", "age": 969, "email": "ada@example.com"}

        response = self.client.post(reverse("people:add"), form)

        errors = response.context["form"].errors
        self.assertEqual(set(errors), {"age", "email"})

    def test_changes_a_person(self) -> None:
        form = {"name": "Ada Lovelace", "age": 36, "email": "ada@example.com"}

        response = self.client.post(reverse("people:change", args=[self.ada.pk]), form, follow=True)

        self.assertContains(response, "Ada Lovelace has been changed.")

    def test_asks_before_it_deletes_a_person(self) -> None:
        url = reverse("people:delete", args=[self.ada.pk])

        self.assertContains(self.client.get(url), "Delete Ada")
        response = self.client.post(url, follow=True)

        self.assertContains(response, "The person has been deleted.")
        self.assertFalse(Person.objects.exists())

    def test_an_id_too_large_for_the_database_is_not_found(self) -> None:
        response = self.client.get(reverse("people:detail", args=[10**30]))

        self.assertEqual(response.status_code, 404)
