from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from django.core.management import CommandError, call_command
from django.test import SimpleTestCase


class StartappTests(SimpleTestCase):
    def test_makes_an_app_in_the_style_of_this_project(self) -> None:
        output = StringIO()
        with TemporaryDirectory() as folder:
            call_command("startapp", "order_items", folder, stdout=output)
            files = {path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.*")}
            config = Path(folder, "apps.py").read_text()

        self.assertIn("class OrderItemsConfig", config)
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
        self.assertIn('add "order_items" to LOCAL_APPS', output.getvalue())

    def test_refuses_a_name_that_is_taken(self) -> None:
        for name in ["class", "sessions"]:
            with self.subTest(name), self.assertRaisesMessage(CommandError, "is taken"):
                call_command("startapp", name)
