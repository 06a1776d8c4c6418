from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import CommandError, call_command
from django.test import SimpleTestCase, override_settings


class StartappTests(SimpleTestCase):
    def setUp(self) -> None:
        folder = TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.project = Path(folder.name)
        settings = override_settings(BASE_DIR=self.project)
        settings.enable()
        self.addCleanup(settings.disable)

    def start(self, name: str, folder: str, **options: str) -> str:
        output = StringIO()
        call_command("startapp", name, str(self.project / folder), stdout=output, **options)
        return output.getvalue()

    def test_makes_an_app_in_the_style_of_this_project(self) -> None:
        output = self.start("made_up_items", "made_up_items")

        app = self.project / "made_up_items"
        files = {path.relative_to(app).as_posix() for path in app.rglob("*.*")}
        self.assertIn("class MadeUpItemsConfig", (app / "apps.py").read_text())
        self.assertLessEqual(
            {
                "admin.py",
                "migrations/__init__.py",
                "models.py",
                "templates/made_up_items/index.html",
                "tests/test_views.py",
                "urls.py",
                "views.py",
            },
            files,
        )
        self.assertIn('add "made_up_items" to LOCAL_APPS', output)

    def test_makes_an_app_in_a_folder(self) -> None:
        (self.project / "made_up" / "made_up_orders").mkdir(parents=True)

        output = self.start("made_up_orders", "made_up/made_up_orders")
        self.start("made_up_stock", "made_up/made_up_store")

        self.assertIn('add "made_up.made_up_orders" to LOCAL_APPS', output)
        self.assertIn('add path("made_up_orders/", include("made_up.made_up_orders.urls"))', output)
        self.assertIn("manage.py test made_up.made_up_orders", output)
        packages = {path.parent.name for path in self.project.glob("*/__init__.py")}
        self.assertEqual(packages, {"made_up"})
        config = (self.project / "made_up" / "made_up_store" / "apps.py").read_text()
        self.assertTrue(
            config.endswith('name = "made_up.made_up_store"\n    label = "made_up_stock"\n')
        )

    def test_refuses_a_name_that_is_taken(self) -> None:
        self.start("made_up_orders", "made_up/made_up_orders")

        for name in ["class", "made_up_orders", "sessions"]:
            with self.subTest(name), self.assertRaisesMessage(CommandError, "is taken"):
                call_command("startapp", name)

    def test_refuses_a_folder_that_cannot_be_imported(self) -> None:
        (self.project / "notes").touch()

        for folder in ["..", "", "my-apps/shop", "class/shop", "email/shop", "notes", "notes/shop"]:
            with self.subTest(folder), self.assertRaisesMessage(CommandError, "another folder"):
                self.start("made_up_shop", folder)
        self.assertEqual([path.name for path in self.project.iterdir()], ["notes"])
