from django.test import TestCase
from django.urls import reverse

from ..models import User


class UserAdminTests(TestCase):
    def setUp(self) -> None:
        self.admin = User.objects.create_superuser("admin@example.com", "a long enough password")
        self.client.force_login(self.admin)

    def test_lists_and_finds_users(self) -> None:
        bo = User.objects.create_user("bo@example.com")

        response = self.client.get(reverse("admin:users_user_changelist"), {"q": "bo"})

        self.assertEqual(list(response.context["cl"].queryset), [bo])

    def test_adds_a_user_who_can_log_in(self) -> None:
        form = {
            "email": "Ada@example.com",
            "usable_password": "true",
            "password1": "A long enough password, 1st!",
            "password2": "A long enough password, 1st!",
        }

        response = self.client.post(reverse("admin:users_user_add"), form)

        user = User.objects.get(email="ada@example.com")
        self.assertRedirects(response, reverse("admin:users_user_change", args=[user.pk]))
        self.assertTrue(self.client.login(username=user.get_username(), password=form["password1"]))

    def test_changes_a_user(self) -> None:
        bo = User.objects.create_user("bo@example.com")
        url = reverse("admin:users_user_change", args=[bo.pk])

        form = self.client.get(url).context["adminform"].form
        changed = form.initial | {"first_name": "Bo", "last_login_0": "", "last_login_1": ""}
        joined = bo.date_joined
        changed |= {"date_joined_0": joined.date(), "date_joined_1": joined.time()}
        given = {name: value for name, value in changed.items() if value is not None}
        self.client.post(url, given)

        bo.refresh_from_db()
        self.assertEqual(bo.first_name, "Bo")
