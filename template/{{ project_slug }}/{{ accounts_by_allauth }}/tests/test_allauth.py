import re
from typing import Any
from unittest import mock

from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import TestCase, TransactionTestCase, override_settings
from django.urls import reverse

from .. import background
from ..adapter import AccountAdapter, must_verify_email

User = get_user_model()

# They satisfy stricter validators, too.
OLD, NEW = "A long enough password, 1st!", "Another long password, 2nd!"


@override_settings(LANGUAGE_CODE="en")
class AccountTests(TestCase):
    def setUp(self) -> None:
        cache.clear()
        self.user = User(**{User.USERNAME_FIELD: "ada@example.com"})
        self.user.email = "ada@example.com"
        self.user.set_password(OLD)
        self.user.save()
        EmailAddress.objects.create(
            user=self.user, email=self.user.email, primary=True, verified=True
        )
        at_once = mock.patch.object(
            background.executor, "submit", lambda job, *args, **options: job(*args, **options)
        )
        self.enterContext(at_once)
        self.enterContext(mock.patch.object(background, "connections"))

    def post(self, page: str, host: str = "testserver", **data: str) -> tuple[str, str]:
        """Send a form, and return the address and the text of the page that follows."""
        response = self.client.post(reverse(page), data, follow=True, headers={"host": host})
        text = re.sub(r'value="[^"]*"', "", response.content.decode())
        return response.request["PATH_INFO"], text

    def sign_up(self, name: str) -> tuple[str, str]:
        email = f"{name}@example.com"
        path, page = self.post(
            "account_signup", username=f"{name}-2", email=email, password1=OLD, password2=OLD
        )
        return path, page.replace(email, "")

    def log_in(self, name: str, password: str) -> tuple[str, str]:
        return self.post("login", login=name, password=password)

    def link(self) -> str:
        """Return the link in the newest mail."""
        [link] = re.findall(r"https://www.example.com(/\S+)", str(mail.outbox[-1].body))
        return str(link)

    def hashes(self, page: str, **data: str) -> int:
        """Count the password hashes that a form costs: they take most of the time."""
        with mock.patch.object(
            MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode
        ) as encode:
            self.post(page, **data)
        return encode.call_count

    def test_new_users_verify_their_address_before_the_first_login(self) -> None:
        path, _ = self.sign_up("bo")
        name = User.objects.get(email="bo@example.com").get_username()

        self.assertEqual(path, reverse("account_email_verification_sent"))
        self.assertEqual(self.log_in(name, OLD)[0], path)
        self.assertNotContains(self.client.get("/"), name)
        self.client.post(self.link())
        self.assertEqual(self.log_in(name, OLD)[0], "/")
        self.assertContains(self.client.get("/"), name)

    def test_the_header_links_to_accounts(self) -> None:
        self.assertContains(self.client.get("/"), f'href="{reverse("account_signup")}"')
        self.client.force_login(self.user)
        self.assertContains(self.client.get("/"), f'href="{reverse("account_email")}"')

    def test_an_account_without_an_address_has_nothing_to_verify(self) -> None:
        EmailAddress.objects.all().delete()

        self.assertTrue(must_verify_email(self.user))
        self.user.email = ""
        self.assertFalse(must_verify_email(self.user))

    def test_resets_the_password_by_mail(self) -> None:
        self.post("account_reset_password", email="ada@example.com")
        form = self.client.get(self.link(), follow=True).request["PATH_INFO"]

        self.client.post(form, {"password1": NEW, "password2": NEW})

        self.user.refresh_from_db()
        self.assertTrue(self.user.check_password(NEW))
        self.assertContains(self.client.get(self.link()), "already been used")

    def test_changes_the_password(self) -> None:
        elsewhere = self.client_class()
        elsewhere.force_login(self.user)
        self.client.force_login(self.user)

        self.post("account_change_password", oldpassword=OLD, password1=NEW, password2=NEW)

        self.assertContains(self.client.get("/"), "ada@example.com")
        self.assertNotContains(elsewhere.get("/"), "ada@example.com")

        self.user.refresh_from_db()
        self.assertTrue(self.user.check_password(NEW))

    def test_changes_the_address(self) -> None:
        self.client.force_login(self.user)

        path, _ = self.post("account_email", email="new@example.com", action_add="")
        self.assertEqual(path, reverse("account_reauthenticate"))
        self.post("account_reauthenticate", password=OLD, next=reverse("account_email"))
        self.client.post(self.link())
        self.post("account_email", email="new@example.com", action_primary="")

        self.user.refresh_from_db()
        self.assertEqual(self.user.email, "new@example.com")

    def test_an_address_of_another_account_cannot_become_primary(self) -> None:
        EmailAddress.objects.create(user=self.user, email="new@example.com", verified=True)
        self.client.force_login(self.user)
        self.post("account_email", email="new@example.com", action_primary="")

        # The other account is not verified. Not every user model has unique addresses.
        with mock.patch.object(User, "save", side_effect=IntegrityError):
            form = {"password": OLD, "next": reverse("account_email")}
            _, page = self.post("account_reauthenticate", **form)

        self.assertIn("Another account has this email address", page)
        primary = EmailAddress.objects.get(user=self.user, primary=True)
        self.assertEqual(primary.email, "ada@example.com")

    def test_a_changed_address_takes_the_account_from_the_former_mailbox(self) -> None:
        EmailAddress.objects.create(user=self.user, email="second@example.com", verified=True)
        pending = EmailAddress.objects.create(user=self.user, email="pending@example.com")
        confirm = EmailConfirmationHMAC(pending).key
        self.post("account_reset_password", email="ada@example.com")
        reset = self.link()
        mail.outbox.clear()
        user = User.objects.get()
        user.email = "new@example.com"

        user.save()

        self.assertContains(self.client.get(reset), "already been used")
        page = reverse("account_confirm_email", args=[confirm])
        self.assertContains(self.client.get(page), "expired or is invalid")
        for name in ["ada", "second", "pending"]:
            self.post("account_reset_password", email=f"{name}@example.com")
        self.assertEqual(len(mail.outbox), 3)
        for message in mail.outbox:
            self.assertNotIn("/password/reset/key/", str(message.body))
        self.assertTrue(must_verify_email(user))
        self.post("account_reset_password", email="new@example.com")
        self.assertIn("/password/reset/key/", self.link())

    def test_an_address_of_the_user_can_become_the_only_one(self) -> None:
        second = EmailAddress.objects.create(
            user=self.user, email="second@example.com", verified=True
        )
        self.user.email = "Second@Example.com"

        self.user.save(update_fields=["email"])

        self.assertEqual(list(EmailAddress.objects.all()), [second])
        self.assertTrue(EmailAddress.objects.get(primary=True, verified=True))

    def test_other_changes_keep_all_addresses(self) -> None:
        EmailAddress.objects.create(user=self.user, email="second@example.com", verified=True)
        self.user.first_name = "Ada"

        self.user.save()

        self.assertEqual(EmailAddress.objects.count(), 2)

    def test_addresses_that_differ_in_case_or_unicode_form_are_one(self) -> None:
        same = [self.sign_up("ada"), self.post_address("ADA@EXAMPLE.com")]

        self.assertEqual(same[0][0], same[1][0])
        self.post_address("ada@ｅxample.com")
        self.assertEqual(User.objects.count(), 1)
        with self.assertRaises(IntegrityError), transaction.atomic():
            other = User.objects.create(**{User.USERNAME_FIELD: "bo@example.com"})
            EmailAddress.objects.create(user=other, email="ADA@ｅxample.com", verified=True)

    def post_address(self, email: str) -> tuple[str, str]:
        return self.post(
            "account_signup", username="other", email=email, password1=OLD, password2=OLD
        )

    def test_names_and_addresses_that_grow_too_long_are_invalid(self) -> None:
        path, _ = self.post_address(f"bo@{'ﬃ' * 60}.com")  # the letter becomes ffi

        self.assertEqual(path, reverse("account_signup"))
        with self.assertRaises(ValidationError):
            AccountAdapter().clean_username("ﬃ" * 150)

    @override_settings(AXES_ENABLED=True, ACCOUNT_RATE_LIMITS={})
    def test_strangers_do_not_lock_a_known_browser_out(self) -> None:
        name = self.user.get_username()
        self.log_in(name, OLD)
        self.post("logout")
        stranger = self.client_class()
        for _ in range(12):
            stranger.post(reverse("login"), {"login": name, "password": "wrong"})

        self.assertEqual(self.log_in(name, OLD)[0], "/")

    @override_settings(AXES_ENABLED=False, ACCOUNT_RATE_LIMITS={})
    def test_limits_the_failures_of_a_client(self) -> None:
        pages = [self.log_in(f"nobody{number}@example.com", "wrong")[1] for number in range(11)]

        self.assertNotIn("Too many failed", pages[-2])
        self.assertIn("Too many failed", pages[-1])

    def test_does_not_reveal_who_has_an_account(self) -> None:
        self.assertEqual(self.sign_up("ada"), self.sign_up("bo"))
        self.assertEqual(
            self.log_in("ada@example.com", "wrong"), self.log_in("nobody@example.com", "wrong")
        )
        self.assertEqual(
            self.post("account_reset_password", email="ada@example.com"),
            self.post("account_reset_password", email="nobody@example.com"),
        )

    def test_hashes_passwords_equally_often_with_and_without_an_account(self) -> None:
        for email in ["ada@example.com", "bo@example.com"]:
            new = {"username": "bo", "email": email, "password1": OLD, "password2": OLD}
            with self.subTest(email):
                self.assertEqual(self.hashes("login", login=email, password="wrong"), 1)
                self.assertEqual(self.hashes("account_signup", **new), 1)

    def test_looks_up_accounts_and_sends_mails_in_the_background(self) -> None:
        with mock.patch.object(background.executor, "submit") as submit:
            for name in ["ada", "nobody"]:
                with self.assertNumQueries(0):
                    data = {"email": f"{name}@example.com"}
                    self.client.post(reverse("account_reset_password"), data)
                self.sign_up(name)

        self.assertEqual(submit.call_count, 4)
        self.assertEqual(mail.outbox, [])

    @override_settings(ALLOWED_HOSTS=["*"])
    def test_links_carry_the_configured_host(self) -> None:
        for name in ["ada", "nobody"]:
            self.post("account_reset_password", host="evil.example", email=f"{name}@example.com")
            new = {"username": "bo", "email": f"{name}@example.com", "password1": OLD}
            self.post("account_signup", host="evil.example", password2=OLD, **new)

        self.assertEqual(len(mail.outbox), 4)
        for message in mail.outbox:
            self.assertNotIn("evil", str(message.message()))
            self.assertIn("https://www.example.com/", str(message.body))

    def test_a_mail_that_cannot_be_sent_is_logged(self) -> None:
        failure = mock.patch("django.core.mail.EmailMessage.send", side_effect=OSError)
        with failure, self.assertLogs(background.logger, "ERROR"):
            self.post("account_reset_password", email="ada@example.com")

    @override_settings(ACCOUNT_RATE_LIMITS={})
    def test_limits_clients_whatever_address_they_claim(self) -> None:
        answers = [
            self.client.post(
                reverse("account_signup"),
                headers={"x-forwarded-for": f"10.0.0.{number}, 192.0.2.1"},
            )
            for number in range(21)
        ]

        self.assertEqual([answer.status_code for answer in answers], [200] * 20 + [429])
        self.assertContains(answers[-1], "Too many requests", status_code=429)

    def test_pages_have_no_inline_script_or_style(self) -> None:
        pages = ["login", "account_signup", "account_reset_password"]
        texts = [self.client.get(reverse(page)).content.decode() for page in pages]
        self.client.force_login(self.user)
        pages = ["account_email", "account_change_password", "account_reauthenticate", "logout"]
        texts += [self.client.get(reverse(page)).content.decode() for page in pages]

        for text in texts:
            self.assertIn('src="/static/site/icon.svg"', text)
            self.assertNotRegex(text, r"<style| style=| on\w+=")
            for script in re.findall("<script[^>]*>", text):
                self.assertRegex(script, " src=|application/json")


class ConflictTests(TransactionTestCase):
    def test_the_loser_of_two_equal_sign_ups_gets_no_error_page(self) -> None:
        save = AccountAdapter.save_user
        form = {"username": "bo", "email": "bo@example.com", "password1": OLD, "password2": OLD}

        def lose(adapter: AccountAdapter, *args: Any, **options: Any) -> Any:
            if not User.objects.exists():
                other = User(**{User.USERNAME_FIELD: form[User.USERNAME_FIELD]})
                other.save()
            return save(adapter, *args, **options)

        with mock.patch.object(AccountAdapter, "save_user", lose):
            answer = self.client.post(reverse("account_signup"), form)

        self.assertIn(answer.status_code, [200, 302])
        self.assertEqual(User.objects.count(), 1)
