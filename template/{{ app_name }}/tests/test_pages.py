from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from django import forms
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.checks import Tags, run_checks
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.core.signing import BadSignature
from django.db.models import Count, F, QuerySet
from django.template.loader import render_to_string
from django.test import RequestFactory, SimpleTestCase, TestCase, override_settings

from ..checks import StrictStaticFilesStorage
from ..keyset import LAST, KeysetPage, get_order

User = get_user_model()

MANIFEST = {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}


class PhotoForm(forms.Form):
    photo = forms.FileField()


class StaticFilesTests(SimpleTestCase):
    def test_names_in_templates_exist(self) -> None:
        self.assertEqual(run_checks(tags=[Tags.staticfiles]), [])

    def test_names_in_style_sheets_exist(self) -> None:
        with TemporaryDirectory() as folder:
            settings = {"STATIC_ROOT": folder, "STORAGES": {"staticfiles": MANIFEST}}
            with override_settings(**settings):
                call_command("collectstatic", interactive=False, verbosity=0)

    def test_wrong_names_are_found(self) -> None:
        page = (
            "{% load static %}{% if 1 %}{% static 'site/no.css' as no %}{% endif %}"
            "{% static '/site/site.css' %}{% static 'site' %}"
            "{% static 'site/' %}{% static 'site/icon.svg#a' %}{% static name %}"
        )
        with TemporaryDirectory() as folder:
            Path(folder, "page.html").write_text(page)
            Path(folder, "broken.html").write_text("{% nonsense %}")
            settings = {"BACKEND": "django.template.backends.django.DjangoTemplates"}
            with override_settings(BASE_DIR=folder, TEMPLATES=[settings | {"DIRS": [folder]}]):
                found = [message.msg for message in run_checks(tags=[Tags.staticfiles])]

        self.assertIn("nonsense", found[0])
        self.assertEqual(
            found[1:],
            [
                f"page.html: there is no static file '{name}'."
                for name in ["site/no.css", "/site/site.css", "site"]
            ],
        )
        with self.assertRaisesMessage(ValueError, "site/no.css"):
            StrictStaticFilesStorage().url("site/no.css")


class FormPageTests(SimpleTestCase):
    def render(self, **context: object) -> str:
        request = RequestFactory().get("/")
        return render_to_string("form.html", context, request)

    def test_sends_files(self) -> None:
        self.assertIn('enctype="multipart/form-data"', self.render(form=PhotoForm()))
        self.assertNotIn("enctype", self.render(form=forms.Form()))

    def test_needs_no_title(self) -> None:
        self.assertIn(">Save</button>", self.render(form=PhotoForm()))
        self.assertNotIn("Back", self.render(form=PhotoForm(), object="Ada"))


class UploadTests(TestCase):
    def test_are_public_in_a_sandbox(self) -> None:
        with TemporaryDirectory() as folder, override_settings(MEDIA_ROOT=folder):
            storage = FileSystemStorage()
            with storage.open("page.html", "wb") as file:
                file.write(b"<script>alert(1)</script>")
            response = self.client.get(storage.url("page.html"))
            content = b"".join(response)
            missing = ["", "other.html", "a" * 300, "%00", "page.html/x"]
            statuses = {self.client.get(f"/media/{name}").status_code for name in missing}

        self.assertEqual(content, b"<script>alert(1)</script>")
        policy = response["Content-Security-Policy"]
        self.assertEqual(policy, "default-src 'none'; sandbox")
        self.assertEqual(response["X-Content-Type-Options"], "nosniff")
        self.assertEqual(statuses, {404})


class KeysetTests(TestCase):
    def setUp(self) -> None:
        for number in range(7):
            User.objects.create(
                **{User.USERNAME_FIELD: f"{number}@example.com"},
                is_active=bool(number % 2),
                last_login=datetime(2030, 1, number % 3, tzinfo=UTC) if number % 3 else None,
            )

    def walk(self, users: QuerySet, size: int, cursor: str) -> list[KeysetPage]:
        """Return the page of a cursor, and all further pages in its direction."""
        pages = [KeysetPage(users, size, cursor)]
        while pages[-1].has_previous() if cursor == LAST else pages[-1].has_next():
            here = pages[-1]
            number = here.previous_page_number() if cursor == LAST else here.next_page_number()
            pages.append(KeysetPage(users, size, number))
        return pages

    def test_pages_have_each_row_once_whatever_the_order(self) -> None:
        for order in [
            [],
            ["is_active"],
            ["-is_active", User.USERNAME_FIELD],
            ["last_login"],
            ["-last_login"],
            ["-last_login", "is_active"],
            ["-joined", "last_login"],
        ]:
            users = User.objects.annotate(joined=Count("groups")).order_by(*order)
            wanted = list(users.order_by(*get_order(users)))
            for size in [1, 2, 3, 7, 8]:
                with self.subTest(order, size=size):
                    forward = self.walk(users, size, "")
                    backward = self.walk(users, size, LAST)

                    self.assertEqual([row for page in forward for row in page.object_list], wanted)
                    found = [row for page in reversed(backward[:-1]) for row in page.object_list]
                    self.assertEqual(found, wanted[len(wanted) - len(found) :])
                    self.assertEqual(backward[-1].object_list, wanted[:size])

    def test_pages_follow_the_order_of_another_model(self) -> None:
        permissions = Permission.objects.order_by("-content_type__model", "codename")

        pages = self.walk(permissions, 7, "")

        self.assertEqual([row for page in pages for row in page.object_list], [*permissions])

    def test_a_new_row_does_not_shift_the_next_page(self) -> None:
        users = User.objects.order_by(User.USERNAME_FIELD)
        page = KeysetPage(users, 2)
        User.objects.create(**{User.USERNAME_FIELD: "0"})

        following = KeysetPage(users, 2, page.next_page_number())

        self.assertEqual(following.object_list, [*users[3:5]])

    def test_the_page_after_a_row_that_is_gone_leads_back(self) -> None:
        users = User.objects.order_by("pk")
        cursor = KeysetPage(users, 5).next_page_number()
        User.objects.filter(pk__gt=users[4].pk).delete()

        empty = KeysetPage(users, 2, cursor)

        self.assertEqual((empty.object_list, empty.has_next()), ([], False))
        back = KeysetPage(users, 2, empty.previous_page_number())
        self.assertEqual(back.object_list, [*users[3:]])

    def test_a_page_takes_one_query(self) -> None:
        for cursor in ["", LAST, KeysetPage(User.objects.order_by("pk"), 2).next_page_number()]:
            with self.subTest(cursor), self.assertNumQueries(1):
                page = KeysetPage(User.objects.order_by("pk"), 2, cursor)
                self.assertTrue(page.has_other_pages())

    def test_refuses_a_cursor_of_another_list(self) -> None:
        cursor = KeysetPage(User.objects.order_by("pk"), 2).next_page_number()
        for users, given in [(User.objects.order_by("-pk"), cursor), (User.objects.all(), "2")]:
            with self.subTest(given), self.assertRaises(BadSignature):
                KeysetPage(users, 2, given)

    def test_refuses_an_order_that_it_cannot_follow(self) -> None:
        with self.assertRaisesMessage(TypeError, "names of fields"):
            KeysetPage(User.objects.order_by(F("pk").desc()), 2)
