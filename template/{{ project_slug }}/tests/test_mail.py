from io import StringIO

from django.core.mail import EmailMessage
from django.test import SimpleTestCase

from ..mail import ConsoleBackend


class ConsoleBackendTests(SimpleTestCase):
    def test_prints_links_in_one_piece(self) -> None:
        link = f"http://127.0.0.1:8000/{'x' * 80}/"
        output = StringIO()

        message = EmailMessage("A link", f"Open {link}", to=["ada@example.com"])
        ConsoleBackend(stream=output).send_messages([message])

        self.assertIn("To: ada@example.com", output.getvalue())
        self.assertIn(link, output.getvalue())
