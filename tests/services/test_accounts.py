"""django-allauth's accounts on the production servers: from signing up to second factors, without leaks."""

import base64
import hashlib
import hmac
import re
import signal
import struct
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ..harness.servers import wait_until
from .serving import PASSWORD, Answer, Site, Stack, in_production, serving

pytestmark = pytest.mark.slow

SERVERS = [pytest.param(server, marks=pytest.mark.xdist_group(f"{server}-accounts")) for server in ("wsgi", "asgi")]


@pytest.fixture(scope="module", params=SERVERS)
def stack(
    request: pytest.FixtureRequest, template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    answers = {"server": request.param, "use_celery": False, "accounts": "allauth", "two_factor": True}
    with in_production(template, environments, tmp_path_factory.mktemp("accounts"), answers) as running_stack:
        yield running_stack


@dataclass
class Visitor:
    """A browser behind the proxy, with cookies and an address of its own."""

    site: Site
    address: str
    cookies: dict[str, str] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"X-Forwarded-For": self.address} | ({"Cookie": cookies} if cookies else {})

    def get(self, path: str) -> Answer:
        answer = self.site.ask(path, headers=self.headers())
        self.cookies |= answer.cookies
        return answer

    def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Load a page, and send its form."""
        return self.submit(self.get(path), path, fields)

    def submit(self, page: Answer, path: str, fields: Mapping[str, str]) -> Answer:
        """Send a form of a page that has been loaded."""
        answer = self.site.submit(page, path, fields, headers=self.headers())
        self.cookies |= answer.cookies
        return answer

    def log_in(self, email: str, password: str = PASSWORD) -> str | None:
        """Return the path that a login redirects to, or an empty string if it shows the form again."""
        location: str | None = self.post("/login/", {"login": email, "password": password}).headers["Location"]
        return location

    def log_out(self) -> None:
        self.post("/logout/", {})
        self.cookies.clear()


def add_user(stack: Stack, email: str, *, is_staff: bool = False) -> None:
    """Add a user with a verified address. Staff are superusers."""
    stack.python(
        "from django.contrib.auth import get_user_model as user; from allauth.account.models import EmailAddress;"
        f"user = user().objects.create_user('{email}', '{PASSWORD}', is_staff={is_staff}, is_superuser={is_staff});"
        f"EmailAddress.objects.create(user=user, email='{email}', primary=True, verified=True)"
    )


def mails(stack: Stack, email: str, number: int = 1) -> list[str]:
    """Wait for that many mails to an address, and return their texts."""
    wait_until(lambda: len(stack.mailbox.texts_to(email)) >= number, 30, f"mail {number} to {email} arrives")
    return stack.mailbox.texts_to(email)


def link(text: str) -> str:
    """Return the path of the link in a mail. Raises AssertionError if it leads to another site."""
    found = re.search(r"https://example\.com(/\S+)", text)
    assert found is not None, text
    return found[1]


def totp(secret: str) -> str:
    """Return the current code of an authenticator app (RFC 6238, 30 seconds, 6 digits)."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.new(base64.b32decode(secret), counter, hashlib.sha1).digest()
    start = digest[-1] & 15
    (number,) = struct.unpack(">I", digest[start : start + 4])
    return f"{(number & 0x7FFFFFFF) % 10**6:06}"


def test_a_visitor_signs_up_verifies_the_address_and_logs_in(stack: Stack) -> None:
    visitor, email = Visitor(stack.site, "192.0.2.1"), "grace@example.com"
    form = {"email": email, "password1": PASSWORD, "password2": PASSWORD}

    answer = visitor.post("/signup/", form)

    assert answer.headers["Location"] == "/confirm-email/"
    assert visitor.log_in(email) == "/confirm-email/"
    confirm = link(mails(stack, email)[0])
    assert visitor.post(confirm, {}).headers["Location"] == "/login/"
    assert visitor.log_in(email) == "/"
    assert email in visitor.get("/people/").body


def test_a_password_is_reset_by_mail(stack: Stack) -> None:
    visitor, email, new = Visitor(stack.site, "192.0.2.2"), "hedy@example.com", "another long password"
    add_user(stack, email)

    visitor.post("/password/reset/", {"email": email})

    form = visitor.get(link(mails(stack, email)[0])).headers["Location"]
    assert visitor.post(form, {"password1": new, "password2": new}).status == 302
    assert visitor.log_in(email) is None
    assert visitor.log_in(email, new) == "/"


def test_an_address_is_changed_once_it_is_verified(stack: Stack) -> None:
    visitor, new = Visitor(stack.site, "192.0.2.3"), "joan.clarke@example.com"
    add_user(stack, "joan@example.com")
    visitor.log_in("joan@example.com")

    confirm = visitor.post("/email/", {"email": new, "action_add": ""}).headers["Location"]
    assert confirm.startswith("/reauthenticate/")
    visitor.post(confirm, {"password": PASSWORD})
    visitor.post(link(mails(stack, new)[0]), {})
    visitor.post("/email/", {"email": new, "action_primary": ""})
    visitor.log_out()

    assert visitor.log_in("joan@example.com") is None
    assert visitor.log_in(new) == "/"


def test_staff_needs_a_second_factor_everywhere(stack: Stack) -> None:
    visitor, email = Visitor(stack.site, "192.0.2.4"), "admin@example.com"
    add_user(stack, email, is_staff=True)
    credentials = {"username": email, "password": PASSWORD}

    # The admin has no login of its own. Neither the admin nor the API accepts only a password.
    assert urlsplit(visitor.get("/secret-admin/login/").headers["Location"]).path == "/login/"
    refusal = stack.site.post_json("/api/token/", credentials)
    assert (refusal.status, "needs a second factor" in refusal.body) == (400, True)
    assert visitor.log_in(email) == "/"
    for path in ("/", "/people/", "/secret-admin/", "/secret-admin/auth/group/"):
        assert visitor.get(path).headers["Location"] == "/2fa/"

    assert visitor.get("/2fa/totp/activate/").headers["Location"].startswith("/reauthenticate/")
    visitor.post("/reauthenticate/", {"password": PASSWORD})
    page = visitor.get("/2fa/totp/activate/")
    secret = re.search(r'value="([A-Z2-7]{32})"', page.body)
    assert secret is not None
    visitor.submit(page, "/2fa/totp/activate/", {"code": totp(secret[1])})
    assert visitor.get("/secret-admin/").status == 200
    visitor.log_out()

    assert visitor.log_in(email) == "/2fa/authenticate/"
    assert visitor.get("/secret-admin/").status == 302
    assert visitor.post("/2fa/authenticate/", {"code": totp(secret[1])}).headers["Location"] == "/"
    assert visitor.get("/secret-admin/").status == 200


def test_does_not_reveal_who_has_an_account(stack: Stack) -> None:
    add_user(stack, "known@example.com")

    def ask(name: str) -> list[tuple[int, str | None, str]]:
        """Sign up, reset a password, and log in with a name. Returns the responses without the name."""
        visitor, email = Visitor(stack.site, "192.0.2.5"), f"{name}@example.com"
        answers = [
            visitor.post("/signup/", {"email": email, "password1": PASSWORD, "password2": PASSWORD}),
            visitor.get("/confirm-email/"),
            visitor.post("/password/reset/", {"email": email}),
            visitor.get("/password/reset/done/"),
            visitor.post("/login/", {"login": email, "password": "wrong"}),
        ]
        texts = [re.sub(r'value="[^"]*"', "", answer.body.replace(email, "")) for answer in answers]
        return [(answer.status, answer.headers["Location"], text) for answer, text in zip(answers, texts, strict=True)]

    assert ask("known") == ask("unknown")
    assert "already exists" in mails(stack, "known@example.com", 2)[0]
    assert "To confirm" in mails(stack, "unknown@example.com", 2)[0]


def test_wrong_passwords_lock_the_name_for_every_address(stack: Stack) -> None:
    email = "eve@example.com"
    add_user(stack, email)

    answers = []
    for number in range(60):
        visitor = Visitor(stack.site, f"10.0.0.{number}, 192.0.2.6")
        answers.append(visitor.post("/login/", {"login": email, "password": str(number)}))

    assert [answer.status for answer in answers[:5]] == [200] * 4 + [429]
    assert all(answer.status == 429 or "Too many failed" in answer.body for answer in answers[5:])
    assert Visitor(stack.site, "192.0.2.7").log_in(email) is None
    assert stack.site.post_json("/api/token/", {"username": email, "password": PASSWORD}).status == 400


def test_a_reload_loses_no_mail(stack: Stack) -> None:
    """This covers both the mails that are being sent and those in the queue."""
    emails = [f"reader{number}@example.com" for number in range(4)]
    stack.python(
        "from django.contrib.auth import get_user_model as user; from allauth.account.models import EmailAddress\n"
        f"for email in {emails}:\n"
        f"    reader = user().objects.create_user(email, '{PASSWORD}')\n"
        "    EmailAddress.objects.create(user=reader, email=email, primary=True, verified=True)"
    )
    stack.mailbox.delay = 4  # longer than new processes take to start
    for number, email in enumerate(emails):
        visitor = Visitor(stack.site, f"192.0.2.{100 + number}")
        assert visitor.post("/password/reset/", {"email": email}).status == 302

    stack.site.process.send_signal(signal.SIGHUP)

    for email in emails:
        mails(stack, email)
    stack.mailbox.delay = 0


def test_a_server_that_stops_loses_no_mail(stack: Stack, tmp_path: Path) -> None:
    email = "last@example.com"
    add_user(stack, email)
    stack.mailbox.delay = 4
    with serving(stack.project, stack.programs, stack.server, stack.variables, tmp_path / "web.log") as site:
        assert Visitor(site, "192.0.2.8").post("/password/reset/", {"email": email}).status == 302

    assert len(stack.mailbox.texts_to(email)) == 1
    stack.mailbox.delay = 0
