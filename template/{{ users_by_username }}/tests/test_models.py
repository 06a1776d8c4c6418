from django.contrib.auth import get_user_model
from django.test import TestCase

from ..models import User


class UserTests(TestCase):
    def test_is_the_user_of_the_project(self) -> None:
        self.assertIs(get_user_model(), User)

    def test_logs_in_by_user_name(self) -> None:
        User.objects.create_user("ada", password="a long enough password")

        self.assertTrue(self.client.login(username="ada", password="a long enough password"))
