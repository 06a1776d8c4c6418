from django.contrib.auth import aauthenticate, get_user_model
from django.test import TestCase, override_settings
from django.urls import reverse

User = get_user_model()

PASSWORD = "a long enough password"


class LoginTests(TestCase):
    def setUp(self) -> None:
        user = User(**{User.USERNAME_FIELD: "ada@example.com"})
        user.set_password(PASSWORD)
        user.save()

    def log_in(self, name: str, password: str, page: str = "login") -> int:
        credentials = {"username": name, "password": password}
        return self.client.post(reverse(page), credentials).status_code

    def test_logs_in_and_out(self) -> None:
        self.assertContains(self.client.get(reverse("login")), "Log in")
        self.assertEqual(self.log_in("ada@example.com", PASSWORD), 302)
        self.assertContains(self.client.get("/"), "ada@example.com")

        self.client.post(reverse("logout"))

        self.assertNotContains(self.client.get("/"), "ada@example.com")

    async def test_logs_in_asynchronously(self) -> None:
        credentials = {"username": "ada@example.com", "password": PASSWORD}

        self.assertIsNotNone(await aauthenticate(None, **credentials))

    @override_settings(AXES_ENABLED=True, AXES_FAILURE_LIMIT=5)
    def test_wrong_passwords_lock_the_name_everywhere(self) -> None:
        pages = ["login", "admin:login", "login", "admin:login", "login"]
        answers = [self.log_in("ADA@example.com", "wrong", page) for page in pages]

        self.assertEqual(answers, [200, 200, 200, 200, 429])
        self.assertEqual(self.log_in("ada@example.com", PASSWORD), 429)

    @override_settings(AXES_ENABLED=True)
    def test_a_name_longer_than_the_column_of_axes(self) -> None:
        self.assertEqual(self.log_in("a" * 1000, "wrong"), 200)
