from datetime import datetime, timedelta

from django.test import SimpleTestCase, override_settings
from django.utils import timezone


class WellKnownTests(SimpleTestCase):
    def test_the_icon_is_where_browsers_look_for_it(self) -> None:
        response = self.client.get("/favicon.ico")

        self.assertRedirects(response, "/static/site/icon.svg", fetch_redirect_response=False)

    def test_crawlers_are_welcome(self) -> None:
        response = self.client.get("/robots.txt")

        self.assertEqual(response.content, b"User-agent: *\nDisallow:\n")
        self.assertEqual(response["Content-Type"], "text/plain")
        self.assertEqual(self.client.head("/robots.txt").status_code, 200)
        self.assertEqual(self.client.post("/robots.txt").status_code, 405)

    def test_it_says_who_to_tell_about_security_holes(self) -> None:
        for contact, uri in [
            ("security@example.com", "mailto:security@example.com"),
            ("mailto:security@example.com", "mailto:security@example.com"),
            ("https://example.com/security", "https://example.com/security"),
        ]:
            with override_settings(SECURITY_CONTACT=contact):
                response = self.client.get("/.well-known/security.txt")

            lines = response.content.decode().splitlines()
            fields = dict(line.split(": ", 1) for line in lines)
            self.assertEqual(fields["Contact"], uri)
            expires = datetime.fromisoformat(fields["Expires"])
            self.assertGreater(expires, timezone.now())
            self.assertLess(expires, timezone.now() + timedelta(days=365))

    def test_without_a_contact_there_is_no_such_file(self) -> None:
        with override_settings(SECURITY_CONTACT=""):
            response = self.client.get("/.well-known/security.txt")

        self.assertEqual(response.status_code, 404)
