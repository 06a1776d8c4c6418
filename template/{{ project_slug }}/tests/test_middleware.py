from django.test import Client, TestCase
from django.urls import reverse


class RefusalTests(TestCase):
    def test_nul_characters_are_refused(self) -> None:
        self.assertEqual(self.client.get("/?q=a%00b").status_code, 400)
        response = self.client.get("/", headers={"cookie": r'name="\000"'})

        self.assertEqual(response.status_code, 400)

    async def test_works_asynchronously(self) -> None:
        self.assertEqual((await self.async_client.get("/?q=%00")).status_code, 400)
        self.assertEqual((await self.async_client.get("/")).status_code, 200)

    def test_a_broken_form_gets_an_error_page(self) -> None:
        client = Client(enforce_csrf_checks=True)
        client.get(reverse("login"))  # gives a CSRF cookie, so that the form is looked at
        broken = ["multipart/form-data", "application/x-www-form-urlencoded; charset=utf-16"]
        for content_type in broken:
            with self.subTest(content_type):
                response = client.post("/nothing/", b"x", content_type=content_type)

                self.assertContains(response, "Page not found", status_code=404)
