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
        output = self.start("order_items", "order_items")

        app = self.project / "order_items"
        files = {path.relative_to(app).as_posix() for path in app.rglob("*.*")}
        self.assertIn("class OrderItemsConfig", (app / "apps.py").read_text())
        self.assertLessEqual(
            {
                "admin.py",
                "migrations/__init__.py",
                "models.py",
                "templates/order_items/index.html",
                "tests/test_views.py",
                "urls.py",
                "views.py",
            },
            files,
        )
        self.assertIn('add "order_items" to LOCAL_APPS', output)

    def test_makes_an_app_in_a_folder(self) -> None:
        (self.project / "shop_apps" / "orders").mkdir(parents=True)

        output = self.start("orders", "shop_apps/orders")
        self.start("stock", "shop_apps/warehouse")

        self.assertIn('add "shop_apps.orders" to LOCAL_APPS', output)
        self.assertIn('add path("orders/", include("shop_apps.orders.urls"))', output)
        self.assertIn("manage.py test shop_apps.orders", output)
        packages = {path.parent.name for path in self.project.glob("*/__init__.py")}
        self.assertEqual(packages, {"shop_apps"})
        config = (self.project / "shop_apps" / "warehouse" / "apps.py").read_text()
        self.assertTrue(config.endswith('name = "shop_apps.warehouse"\n    label = "stock"\n'))

    def test_refuses_a_name_that_is_taken(self) -> None:
        self.start("orders", "shop_apps/orders")

        for name in ["class", "orders", "sessions"]:
            with self.subTest(name), self.assertRaisesMessage(CommandError, "is taken"):
                call_command("startapp", name)

    def test_refuses_a_folder_that_cannot_be_imported(self) -> None:
        (self.project / "notes").touch()

        for folder in ["..", "", "my-apps/shop", "class/shop", "email/shop", "notes", "notes/shop"]:
            with self.subTest(folder), self.assertRaisesMessage(CommandError, "another folder"):
                self.start("shop", folder)
        self.assertEqual([path.name for path in self.project.iterdir()], ["notes"])
