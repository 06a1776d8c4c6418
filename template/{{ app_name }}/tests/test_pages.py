from pathlib import Path
from tempfile import TemporaryDirectory

from django import forms
from django.core.checks import Tags, run_checks
from django.core.files.storage import FileSystemStorage
from django.core.management import call_command
from django.template.loader import render_to_string
from django.test import RequestFactory, SimpleTestCase, TestCase, override_settings

from ..checks import StrictStaticFilesStorage

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
