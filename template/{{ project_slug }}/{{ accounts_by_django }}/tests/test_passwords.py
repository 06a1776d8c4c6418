import re
from unittest import mock

from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import cache
from django.test import TestCase, override_settings
from django.urls import reverse

from ...logs import request_id
from .. import background

User = get_user_model()

# They satisfy stricter validators, too.
OLD, NEW = "A long enough password, 1st!", "Another long password, 2nd!"
NEW_TWICE = {"new_password1": NEW, "new_password2": NEW}


@override_settings(LANGUAGE_CODE="en")
class PasswordTests(TestCase):
    def setUp(self) -> None:
        cache.clear()
        self.user = User(**{User.USERNAME_FIELD: "ada@example.com"})
        self.user.email = "ada@example.com"
        self.user.set_password(OLD)
        self.user.save()

    def ask(self, email: str, host: str = "testserver") -> str:
        """Request a link, send the mail at once, and return the page that follows."""
        at_once = mock.patch.object(
            background.executor, "submit", lambda job, *args, **options: job(*args, **options)
        )
        with at_once, mock.patch.object(background, "connections"):
            response = self.client.post(
                reverse("password_reset"), {"email": email}, follow=True, headers={"host": host}
            )
        self.assertRedirects(response, reverse("login"))
        return re.sub(r'value="[^"]+"', "", response.content.decode())

    def follow_link(self) -> str:
        """Return the address that the link in the only mail leads to."""
        [link] = re.findall(r"https://www.example.com(/\S+)", str(mail.outbox[0].body))
        return self.client.get(link, follow=True).request["PATH_INFO"]

    def test_changes_the_password(self) -> None:
        elsewhere = self.client_class()
        elsewhere.force_login(self.user)
        self.client.force_login(self.user)

        response = self.client.post(
            reverse("password_change"), {"old_password": OLD, **NEW_TWICE}, follow=True
        )

        self.assertContains(response, "Your password has been changed.")
        self.assertContains(self.client.get("/"), "ada@example.com")
        self.assertNotContains(elsewhere.get("/"), "ada@example.com")
        self.user.refresh_from_db()
        self.assertTrue(self.user.check_password(NEW))

    def test_the_user_name_links_to_the_password_page(self) -> None:
        self.client.force_login(self.user)

        self.assertContains(self.client.get("/"), f'href="{reverse("password_change")}"')

    def test_changing_a_password_needs_a_login(self) -> None:
        self.assertEqual(self.client.get(reverse("password_change")).status_code, 302)

    def test_resets_the_password_by_mail(self) -> None:
        self.ask("ada@example.com")

        response = self.client.post(self.follow_link(), NEW_TWICE, follow=True)

        self.assertContains(response, "Your new password is set")
        self.user.refresh_from_db()
        self.assertTrue(self.user.check_password(NEW))
        self.assertContains(self.client.get(self.follow_link()), "it has been used")

    def test_a_changed_address_makes_a_link_invalid(self) -> None:
        self.ask("ada@example.com")
        User.objects.filter(pk=self.user.pk).update(email="new@example.com")

        self.assertContains(self.client.get(self.follow_link()), "it has been used")

    def test_does_not_reveal_who_has_an_account(self) -> None:
        self.assertEqual(self.ask("ada@example.com"), self.ask("nobody@example.com"))
        self.assertEqual([message.to for message in mail.outbox], [["ada@example.com"]])

    def test_mails_an_address_once_a_minute(self) -> None:
        answers = {self.ask("ada@example.com"), self.ask("ADA@example.com")}

        self.assertEqual(len(answers), 1)
        self.assertEqual(len(mail.outbox), 1)

    def test_sends_mail_in_the_background(self) -> None:
        with mock.patch.object(background.executor, "submit") as submit:
            self.client.post(reverse("password_reset"), {"email": "ada@example.com"})

        submit.assert_called_once()
        self.assertEqual(mail.outbox, [])

    def test_background_jobs_log_the_id_of_the_request(self) -> None:
        with mock.patch.object(background.executor, "submit") as submit:
            response = self.client.post(reverse("password_reset"), {"email": "ada@example.com"})

        run_in_context, *_ = submit.call_args.args
        self.assertEqual(run_in_context(request_id.get), response["X-Request-ID"])

    @override_settings(ALLOWED_HOSTS=["*"])
    def test_links_carry_the_configured_host(self) -> None:
        self.ask("ada@example.com", host="evil.example")

        written = str(mail.outbox[0].message())
        self.assertNotIn("evil", written)
        self.assertIn("https://www.example.com/", written)

    def test_a_mail_that_cannot_be_sent_is_logged(self) -> None:
        failure = mock.patch("django.contrib.auth.forms.PasswordResetForm.get_users")
        with failure as get_users, self.assertLogs(background.logger, "ERROR"):
            get_users.side_effect = OSError
            self.ask("ada@example.com")
