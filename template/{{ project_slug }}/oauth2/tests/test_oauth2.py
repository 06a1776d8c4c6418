import hashlib
import secrets
from base64 import urlsafe_b64encode
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, urlsplit

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.test import TestCase
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken, Application, RefreshToken

from ..validators import Validator

User = get_user_model()

CALLBACK = "https://program.example/callback"
SECRET = "what the program keeps to itself"
VERIFIER = secrets.token_urlsafe(48)
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


class OAuth2Tests(TestCase):
    def setUp(self) -> None:
        cache.clear()
        self.user = User.objects.create(**{User.USERNAME_FIELD: "ada@example.com"})
        self.client.force_login(self.user)
        self.program = self.register("authorization-code", redirect_uris=CALLBACK)
        self.query = {
            "client_id": self.program.client_id,
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "state": "anything",
        }

    def register(self, grant: str, **fields: Any) -> Application:
        """Register a program, with the checks of the admin."""
        program = Application(
            authorization_grant_type=grant,
            client_secret=SECRET,
            client_type="confidential",
            name="Program",
            **fields,
        )
        program.full_clean()
        program.save()
        return program

    def authorize(self, allow: str = "yes", **changes: str) -> dict[str, list[str]]:
        """Request a code, answer the question to the user, and return the program's parameters."""
        response = self.client.get(reverse("oauth2:authorize"), self.query | changes)
        if "form" in response.context:
            fields = response.context["form"].initial.items()
            answer = {name: value for name, value in fields if value} | {"allow": allow}
            response = self.client.post(reverse("oauth2:authorize"), answer)
        self.assertContains(response, f'content="0; url={CALLBACK}?')
        return parse_qs(urlsplit(response.context["url"]).query)

    def ask(self, **fields: str) -> Any:
        """Request a token, with the program's secret."""
        program = {"client_id": self.program.client_id, "client_secret": SECRET}
        return self.client.post(reverse("oauth2:token"), program | fields)

    def exchange(self, code: str, verifier: str = VERIFIER) -> Any:
        return self.ask(
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            redirect_uri=CALLBACK,
        )

    def get_tokens(self, **changes: str) -> Any:
        return self.exchange(self.authorize(**changes)["code"][0]).json()

    def refresh(self, tokens: dict[str, str]) -> Any:
        return self.ask(grant_type="refresh_token", refresh_token=tokens["refresh_token"])

    def call(self, tokens: dict[str, str], method: str = "GET", url: str = "") -> Any:
        """Call the API with a token, without the user's session."""
        headers = {"authorization": f"Bearer {tokens['access_token']}"}
        url = url or reverse("api-me")
        return self.client_class().generic(method, url, headers=headers)

    def test_a_code_becomes_a_token_for_the_user_who_agreed(self) -> None:
        answer = self.authorize()
        tokens = self.exchange(answer["code"][0]).json()

        self.assertEqual(answer["state"], ["anything"])
        self.assertEqual(tokens["scope"], "read")
        self.assertEqual(self.call(tokens).json()[User.USERNAME_FIELD], "ada@example.com")
        self.assertEqual(self.exchange(answer["code"][0]).status_code, 400)

    def test_visitors_have_to_log_in_first(self) -> None:
        self.client.logout()

        response = self.client.get(reverse("oauth2:authorize"), {"client_id": "any"})

        self.assertTrue(response["Location"].startswith(reverse("login")))

    def test_a_user_may_refuse(self) -> None:
        self.assertEqual(self.authorize(allow="")["error"], ["access_denied"])

    def test_codes_need_pkce_with_s256(self) -> None:
        for changes in [
            {"code_challenge": ""},
            {"code_challenge_method": "plain"},
            {"code_challenge": CHALLENGE, "code_challenge_method": ""},
            {"code_challenge": CHALLENGE * 4},
        ]:
            with self.subTest(changes):
                response = self.client.get(reverse("oauth2:authorize"), self.query | changes)

                self.assertIn("error=invalid_request", response.context["url"])

        del self.query["code_challenge"]
        agreed = self.query | {"allow": "yes", "scope": "read"}
        response = self.client.post(reverse("oauth2:authorize"), agreed)
        self.assertIn("error=invalid_request", response.context["url"])

    def test_a_code_needs_the_verifier(self) -> None:
        code = self.authorize()["code"][0]

        self.assertEqual(self.exchange(code, verifier="a" * 43).json()["error"], "invalid_grant")

    def test_redirects_only_to_registered_https_addresses(self) -> None:
        with self.assertRaisesMessage(ValidationError, "redirect"):
            self.register("authorization-code", redirect_uris="http://program.example/callback")
        for url in ["http://program.example/callback", "https://evil.example/callback"]:
            with self.subTest(url):
                query = self.query | {"redirect_uri": url}
                response = self.client.get(reverse("oauth2:authorize"), query)

                self.assertContains(response, "Invalid request", status_code=400)

    def test_passwords_and_implicit_grants_are_refused(self) -> None:
        Application.objects.update(authorization_grant_type="password")
        answer = self.ask(grant_type="password", username="ada@example.com", password="any")
        self.assertEqual(answer.json()["error"], "unsupported_grant_type")

        Application.objects.update(authorization_grant_type="implicit")
        self.assertEqual(self.authorize(response_type="token")["error"], ["unauthorized_client"])

    def test_a_refresh_token_works_once_and_its_second_use_revokes_all(self) -> None:
        first = self.get_tokens()
        second = self.refresh(first).json()

        self.assertEqual(self.call(first).status_code, 401)
        self.assertEqual(self.call(second).status_code, 200)
        self.assertEqual(self.refresh(first).json()["error"], "invalid_grant")
        self.assertEqual(self.call(second).status_code, 401)
        self.assertEqual(self.refresh(second).json()["error"], "invalid_grant")

    def test_of_two_simultaneous_refreshes_one_fails(self) -> None:
        tokens = self.get_tokens()
        validate = Validator.validate_refresh_token

        def be_late(*args: Any) -> bool:
            valid = validate(*args)
            RefreshToken.objects.update(revoked=timezone.now())
            return valid

        with mock.patch.object(Validator, "validate_refresh_token", be_late):
            self.assertEqual(self.refresh(tokens).json()["error"], "invalid_grant")

    def test_scopes_limit_tokens(self) -> None:
        answers = {
            scope: [self.call(self.get_tokens(scope=scope), method) for method in ["GET", "PATCH"]]
            for scope in ["read", "write", "read write"]
        }

        statuses = {scope: [got.status_code for got in both] for scope, both in answers.items()}
        self.assertEqual(
            statuses, {"read": [200, 403], "write": [403, 405], "read write": [200, 405]}
        )
        challenge = answers["read"][1]["WWW-Authenticate"]
        self.assertIn('error="insufficient_scope"', challenge)

    def test_open_views_need_the_scope_too(self) -> None:
        tokens = self.get_tokens(scope="read")

        self.assertEqual(self.call(tokens, "POST", reverse("api-token")).status_code, 403)

    def test_refuses_invalid_tokens(self) -> None:
        response = self.call({"access_token": "none"})

        self.assertEqual(response.status_code, 401)
        self.assertIn('error="invalid_token"', response["WWW-Authenticate"])

    def test_programs_can_revoke_tokens(self) -> None:
        tokens = self.get_tokens()
        program = {"client_id": self.program.client_id, "client_secret": SECRET}

        self.client.post(reverse("oauth2:revoke"), program | {"token": tokens["refresh_token"]})

        self.assertEqual(self.call(tokens).status_code, 401)
        self.assertEqual(self.refresh(tokens).status_code, 400)

    def test_tokens_of_inactive_users_are_refused(self) -> None:
        tokens, code = self.get_tokens(), self.authorize()["code"][0]
        User.objects.update(is_active=False)

        self.assertEqual(self.call(tokens).status_code, 401)
        self.assertEqual(self.refresh(tokens).status_code, 400)
        self.assertEqual(self.exchange(code).status_code, 400)

    def test_a_new_password_ends_tokens_and_codes(self) -> None:
        tokens, code = self.get_tokens(), self.authorize()["code"][0]
        User.objects.filter(pk=self.user.pk).update(password="another")

        self.assertEqual(self.call(tokens).status_code, 401)
        self.assertEqual(self.refresh(tokens).status_code, 400)
        self.assertEqual(self.exchange(code).status_code, 400)
        self.client.force_login(User.objects.get())
        self.assertEqual(self.call(self.get_tokens()).status_code, 200)
        self.assertEqual(self.call(tokens).status_code, 401)

    def test_users_see_and_end_what_programs_may_do(self) -> None:
        tokens, code = self.get_tokens(scope="read write"), self.authorize()["code"][0]
        page = reverse("oauth2:programs")

        self.assertContains(self.client.get(page), "Change what you can change")
        self.client.force_login(User.objects.create(**{User.USERNAME_FIELD: "bo@example.com"}))
        self.assertContains(self.client.get(page), "No program")
        self.client.post(page, {"id": self.program.pk})
        self.assertEqual(self.call(tokens).status_code, 200)
        self.client.force_login(self.user)
        response = self.client.post(page, {"id": self.program.pk}, follow=True)
        self.assertContains(response, "No program")
        self.assertEqual(self.client.post(page, {"id": "none"}).status_code, 404)
        self.assertEqual(self.call(tokens).status_code, 401)
        self.assertEqual(self.refresh(tokens).status_code, 400)
        self.assertEqual(self.exchange(code).status_code, 400)

    def test_the_admin_deletes_users_and_programs_with_their_tokens(self) -> None:
        admin = User.objects.create(
            **{User.USERNAME_FIELD: "root@example.com"}, is_staff=True, is_superuser=True
        )
        kind = f"{User._meta.app_label}_{User._meta.model_name}"
        for deleted, name in [(self.program, "oauth2_provider_application"), (self.user, kind)]:
            with self.subTest(name):
                self.client.force_login(self.user)
                tokens, _ = self.get_tokens(), self.refresh(self.get_tokens())
                self.client.force_login(admin)
                url = reverse(f"admin:{name}_delete", args=[deleted.pk])
                self.assertNotContains(self.client.get(url), tokens["access_token"])
                self.client.post(url, {"post": "yes"})
                self.assertFalse(type(deleted)._default_manager.filter(pk=deleted.pk).exists())
                self.assertFalse(RefreshToken.objects.exists() or AccessToken.objects.exists())
            self.program = self.register("authorization-code", redirect_uris=CALLBACK)
            self.query["client_id"] = self.program.client_id

    def test_the_admin_does_not_delete_tokens_alone(self) -> None:
        User.objects.update(is_staff=True, is_superuser=True)
        self.get_tokens()
        for name, token in [("accesstoken", AccessToken), ("refreshtoken", RefreshToken)]:
            url = reverse(f"admin:oauth2_provider_{name}_delete", args=[token.objects.get().pk])
            self.assertEqual(self.client.get(url).status_code, 403)

    def test_a_program_acts_for_the_user_it_belongs_to(self) -> None:
        robot = User.objects.create(**{User.USERNAME_FIELD: "robot@example.com"})
        self.program = self.register("client-credentials", user=robot)
        tokens = self.ask(grant_type="client_credentials").json()

        self.assertNotIn("refresh_token", tokens)
        self.assertEqual(self.call(tokens).json()[User.USERNAME_FIELD], "robot@example.com")

        User.objects.update(is_active=False)
        self.assertEqual(self.call(tokens).status_code, 401)

    def test_refuses_a_program_without_a_user(self) -> None:
        self.program = self.register("client-credentials")
        tokens = self.ask(grant_type="client_credentials").json()

        self.assertEqual(self.call(tokens).status_code, 401)

    def test_throttles_wrong_secrets_only(self) -> None:
        wrong = {"grant_type": "client_credentials", "client_secret": "wrong"}
        right = [self.ask(grant_type="none").status_code for _ in range(12)]

        self.assertEqual(right, [400] * 12)
        self.assertEqual([self.ask(**wrong).status_code for _ in range(11)], [401] * 10 + [429])

    def test_the_admin_offers_only_supported_grants(self) -> None:
        User.objects.update(is_staff=True, is_superuser=True)
        page = reverse("admin:oauth2_provider_application_change", args=[self.program.pk])

        response = self.client.get(page)

        self.assertContains(response, 'value="client-credentials"')
        self.assertNotContains(response, 'value="implicit"')
        self.assertNotContains(response, "View on site")

    def test_refuses_unreadable_requests(self) -> None:
        tampered = self.query | {"allow": "yes", "client_id": "other", "scope": "read"}

        self.assertEqual(self.client.get(f"{reverse('oauth2:authorize')}?%ZZ").status_code, 400)
        self.assertEqual(self.client.post(reverse("oauth2:authorize"), tampered).status_code, 400)
        self.assertEqual(self.client.post(f"{reverse('oauth2:revoke')}?%ZZ").status_code, 400)

    def test_the_schema_names_the_scopes(self) -> None:
        response = self.client.get(reverse("api-schema"), {"format": "json"})

        me = response.json()["paths"][reverse("api-me")]["get"]
        self.assertIn({"oauth2": ["read"]}, me["security"])
