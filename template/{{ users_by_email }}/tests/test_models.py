from django.core.exceptions import ValidationError
from django.test import TestCase

from ..models import User


class UserTests(TestCase):
    def test_addresses_are_kept_in_lower_case(self) -> None:
        user = User.objects.create_user("Ada@Example.COM", "a long enough password")

        self.assertEqual(user.email, "ada@example.com")
        self.assertEqual(User.objects.get_by_natural_key("ADA@example.com"), user)
        self.assertEqual(User.objects.create(email="Bo@Example.com").email, "bo@example.com")

    async def test_asynchronous_views_find_and_make_users_too(self) -> None:
        user = await User.objects.acreate_user("Ada@Example.COM")
        admin = await User.objects.acreate_superuser("admin@example.com")

        self.assertEqual(await User.objects.aget_by_natural_key("ADA@example.com"), user)
        self.assertTrue(admin.is_superuser)

    def test_an_address_belongs_to_one_user(self) -> None:
        User.objects.create_user("ada@example.com")

        with self.assertRaisesMessage(ValidationError, "already exists"):
            User(email="ADA@example.com", password="x").full_clean()

    def test_a_user_needs_an_address(self) -> None:
        with self.assertRaisesMessage(ValueError, "needs an email address"):
            User.objects.create_user("")

    def test_a_user_without_a_password_cannot_log_in_with_one(self) -> None:
        self.assertFalse(User.objects.create_user("ada@example.com").has_usable_password())

    def test_a_superuser_may_do_everything(self) -> None:
        user = User.objects.create_superuser("ada@example.com", "a long enough password")

        self.assertTrue(user.is_staff and user.is_superuser)

    def test_names(self) -> None:
        user = User(email="ada@example.com", first_name="Ada", last_name="Lovelace")

        self.assertEqual(str(user), "ada@example.com")
        self.assertEqual(user.get_full_name(), "Ada Lovelace")
        self.assertEqual(user.get_short_name(), "Ada")
