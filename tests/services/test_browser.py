"""The pages of a project in production work in a real browser, without errors, and are accessible."""

import base64
import hashlib
import hmac
import re
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from ..harness import servers
from ..harness.answers import Answers
from .browser import HOST, SCREENSHOTS, Inspector, chromium, find_chromium
from .serving import PASSWORD, Stack, in_production

pytestmark = pytest.mark.slow

PROJECTS: dict[str, Answers] = {
    "django": {"use_celery": True},
    "allauth": {"accounts": "allauth", "server": "asgi", "two_factor": True, "use_celery": True},
}
WITH_DJANGO = pytest.mark.parametrize("running", ["django"], indirect=True, scope="module")
WITH_ALLAUTH = pytest.mark.parametrize("running", ["allauth"], indirect=True, scope="module")
NEW_PASSWORD = "another long password"

# An editor with a verified address, if the project needs that. Superusers would need a second factor.
ADD_USER = """
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
user = get_user_model().objects.create_user("{email}", "{password}", is_superuser={is_staff}, is_staff={is_staff})
user.groups.add(Group.objects.get(name="Editors"))
if apps.is_installed("allauth.account"):
    user.emailaddress_set.create(email=user.email, verified=True, primary=True)
"""


@dataclass
class Running:
    """A project in production, and a browser that reaches it as example.com."""

    name: str
    stack: Stack
    browser: Browser

    def add_user(self, name: str, *, is_staff: bool = False) -> str:
        """Create an editor, or a superuser, and return the address, which is also the user name."""
        email = f"{name}@example.com"
        self.stack.python(ADD_USER.format(email=email, password=PASSWORD, is_staff=is_staff))
        return email

    def link_in_mail(self, address: str) -> str:
        """Wait for the only mail to a user with a link, and return the link."""

        def links() -> list[str]:
            return re.findall(rf"https://{HOST}/\S+", "\n".join(self.stack.mailbox.texts_to(address)))

        servers.wait_until(lambda: bool(links()), 30, f"the mail to {address} arrives")
        (link,) = links()
        return link


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.xdist_group(f"browser-{name}")) for name in PROJECTS]
)
def running(
    request: pytest.FixtureRequest, template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    program = find_chromium()
    folder = tmp_path_factory.mktemp(request.param)
    with (
        in_production(template, environments, folder, PROJECTS[request.param]) as stack,
        servers.https(stack.site.port, HOST) as port,
        chromium(program, port) as browser,
    ):
        yield Running(request.param, stack, browser)


@pytest.fixture
def inspector(running: Running) -> Iterator[Inspector]:
    inspector = Inspector(running.browser, SCREENSHOTS / running.name)
    yield inspector
    inspector.page.context.close()


@pytest.fixture
def page(inspector: Inspector) -> Page:
    return inspector.page


def log_in(page: Page, email: str, password: str = PASSWORD) -> None:
    """Log in with a password. A second factor, if there is one, remains."""
    page.goto("/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name=re.compile("^(Log in|Sign In)$")).click()
    expect(page.get_by_label("Password")).to_have_count(0)


def log_out(page: Page) -> None:
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log out")).to_have_count(0)


def totp(secret: str) -> str:
    """Return the current code of an authenticator (RFC 6238), or the next one if it is about to change."""
    if 30 - time.time() % 30 < 5:
        time.sleep(30 - time.time() % 30)
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), hashlib.sha1)
    offset = digest[-1] & 0xF
    number: int = struct.unpack_from(">I", digest, offset)[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def test_the_home_page_and_the_not_found_page_work(inspector: Inspector, page: Page) -> None:
    page.goto("/")
    inspector.look("home")

    page.goto("/nothing/")
    inspector.check_problems(
        f"404: https://{HOST}/nothing/",
        "error: Failed to load resource: the server responded with a status of 404 (Not Found)",
    )
    inspector.look("not-found")


def test_login_works_with_the_keyboard_alone(running: Running, inspector: Inspector, page: Page) -> None:
    email = running.add_user("kay")

    def log_in_with(password: str) -> None:
        page.goto("/people/")
        for text in (email, password):
            for _ in range(10):
                if page.evaluate("document.activeElement.matches('input')"):
                    break
                page.keyboard.press("Tab")
            page.keyboard.type(text)
            page.keyboard.press("Tab")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")

    page.goto("/people/")
    inspector.look("login")
    log_in_with("a wrong password")
    expect(page.locator(".errorlist")).to_be_visible()
    inspector.look("login-refused")
    log_in_with(PASSWORD)

    expect(page).to_have_url(f"https://{HOST}/people/")


def test_a_person_is_added_changed_and_deleted(running: Running, inspector: Inspector, page: Page) -> None:
    log_in(page, running.add_user("ada"))
    inspector.look("home-logged-in")

    page.goto("/people/")
    inspector.look("people-empty")
    page.get_by_role("link", name="Add a person").click()
    inspector.look("person-add")
    page.get_by_label("Name").fill("Grace Hopper")
    page.get_by_label("Age").fill("85")
    page.get_by_label("Email").fill("grace@example.com")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Grace Hopper has been added.")
    inspector.look("person")

    page.get_by_role("link", name="Change").click()
    inspector.look("person-change")
    page.get_by_label("Name").fill("Rear Admiral Grace Brewster Murray-Hopper")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("has been changed.")

    page.get_by_role("link", name="All people").click()
    inspector.look("people")
    page.get_by_role("link", name="Grace").click()
    page.get_by_role("link", name="Delete").click()
    inspector.look("person-delete")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("status")).to_have_text("The person has been deleted.")
    expect(page.get_by_role("link", name="Grace")).to_have_count(0)

    log_out(page)
    page.goto("/people/")
    expect(page).to_have_url(f"https://{HOST}/login/?next=/people/")
    inspector.check_problems()


def test_errors_are_shown_beside_their_fields(running: Running, inspector: Inspector, page: Page) -> None:
    log_in(page, running.add_user("edith"))
    running.stack.python("from people.models import Person; Person.objects.create(name='Bo', age=1, email='b@c.de')")

    page.goto("/people/add/")
    page.get_by_label("Name").fill("Bo")
    page.get_by_label("Age").fill("151")
    page.get_by_label("Email").fill("b@c.de")
    page.get_by_role("button", name="Save").click()

    expect(page.locator(".errorlist")).to_have_count(2)
    assert inspector.errors() == {
        "Age:": "Ensure this value is less than or equal to 150.",
        "Email address:": "Person with this Email address already exists.",
    }
    inspector.look("person-refused")


@WITH_DJANGO
def test_a_password_is_changed(running: Running, inspector: Inspector, page: Page) -> None:
    email = running.add_user("pat")
    log_in(page, email)
    page.get_by_role("link", name=email).click()
    inspector.look("password-change")

    def change(old: str, new: str, again: str) -> None:
        page.get_by_label("Old password").fill(old)
        page.get_by_label("New password:").fill(new)
        page.get_by_label("New password confirmation").fill(again)
        page.get_by_role("button", name="Change password").click()

    change("a wrong password", NEW_PASSWORD, "something else")
    expect(page.locator(".errorlist")).to_have_count(2)
    assert set(inspector.errors()) == {"Old password:", "New password confirmation:"}
    inspector.look("password-change-refused")
    change(PASSWORD, NEW_PASSWORD, NEW_PASSWORD)

    expect(page.get_by_role("status")).to_have_text("Your password has been changed.")
    log_out(page)
    log_in(page, email, NEW_PASSWORD)
    inspector.check_problems()


@WITH_DJANGO
def test_a_password_is_reset_by_mail(running: Running, inspector: Inspector, page: Page) -> None:
    email = running.add_user("rose")
    page.goto("/login/")
    page.get_by_role("link", name="Forgotten your password?").click()
    inspector.look("password-reset")
    page.get_by_label("Email").fill(email)
    page.get_by_role("button", name="Send a link").click()
    expect(page.get_by_role("status")).to_contain_text("If that address has an account")
    inspector.look("password-reset-sent")

    link = running.link_in_mail(email)
    page.goto(link)
    inspector.look("password-set")
    page.get_by_label("New password:").fill(NEW_PASSWORD)
    page.get_by_label("New password confirmation").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("status")).to_contain_text("Your new password is set")

    log_in(page, email, NEW_PASSWORD)
    page.goto(link)
    expect(page.get_by_text("The link is too old")).to_be_visible()
    inspector.look("password-link-used")


@WITH_ALLAUTH
def test_somebody_signs_up_and_verifies_the_address(running: Running, inspector: Inspector, page: Page) -> None:
    email = "lise@example.com"
    page.goto("/")
    page.get_by_role("link", name="Sign up").click()
    inspector.look("sign-up")

    def sign_up(password: str) -> None:
        page.get_by_label("Email").fill(email)
        page.get_by_label("Password:").fill(PASSWORD)
        page.get_by_label("Password (again)").fill(password)
        page.get_by_role("button", name="Sign Up").click()

    sign_up("something else")
    expect(page.locator(".errorlist")).to_have_count(1)
    assert set(inspector.errors()) == {"Password (again):"}
    inspector.look("sign-up-refused")
    sign_up(PASSWORD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Verify Your Email Address")
    inspector.look("sign-up-sent")

    page.goto(running.link_in_mail(email))
    inspector.look("address-confirm")
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("status")).to_contain_text("You have confirmed")
    log_in(page, email)
    page.get_by_role("link", name=email).click()
    inspector.look("addresses")


@WITH_ALLAUTH
def test_a_password_is_reset_and_changed(running: Running, inspector: Inspector, page: Page) -> None:
    email = running.add_user("emmy")
    page.goto("/login/")
    page.get_by_role("link", name="Forgot your password?").click()
    inspector.look("password-reset")
    page.get_by_label("Email").fill(email)
    page.get_by_role("button", name="Reset My Password").click()
    expect(page).to_have_url(f"https://{HOST}/password/reset/done/")
    inspector.look("password-reset-sent")

    link = running.link_in_mail(email)
    page.goto(link)
    inspector.look("password-set")
    page.get_by_label("New Password:").fill(NEW_PASSWORD)
    page.get_by_label("New Password (again)").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change Password").click()
    expect(page.get_by_role("status")).to_have_text("Password successfully changed.")
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("Bad Token")
    inspector.look("password-link-used")

    log_in(page, email, NEW_PASSWORD)
    page.get_by_role("link", name=email).click()
    page.get_by_role("link", name="Password").click()
    inspector.look("password-change")
    page.get_by_label("Current Password").fill("a wrong password")
    page.get_by_label("New Password:").fill(PASSWORD)
    page.get_by_label("New Password (again)").fill(PASSWORD)
    page.get_by_role("button", name="Change Password").click()
    expect(page.locator(".errorlist")).to_have_count(1)
    assert set(inspector.errors()) == {"Current Password:"}
    inspector.look("password-change-refused")


@WITH_ALLAUTH
def test_staff_logs_in_with_a_second_factor(running: Running, inspector: Inspector, page: Page) -> None:
    email = running.add_user("rita", is_staff=True)
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    authenticator = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": authenticator})

    def confirm_password() -> None:
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()

    def open_second_factors() -> None:
        page.get_by_role("link", name=email).click()
        page.get_by_role("link", name="Two-Factor Authentication").click()

    log_in(page, email)
    page.goto("/secret-admin/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Two-Factor Authentication")
    inspector.look("second-factors-none")
    page.get_by_role("link", name="Activate").click()
    inspector.look("password-confirm")
    confirm_password()

    page.get_by_label("Authenticator code").fill("000000")
    page.get_by_role("button", name="Activate").click()
    expect(page.locator(".errorlist")).to_have_count(1)
    assert inspector.errors() == {"Authenticator code:": "Incorrect code."}
    inspector.look("authenticator-refused")
    secret = page.get_by_label("Authenticator secret").input_value()
    page.get_by_label("Authenticator code").fill(totp(secret))
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery Codes")
    inspector.look("recovery-codes")
    recovery_code = page.get_by_label("Unused codes").input_value().split()[0]
    page.goto("/secret-admin/")
    inspector.glance("admin")
    page.goto("/")
    log_out(page)

    def enter(code: str) -> None:
        page.get_by_label("Code").fill(code)
        page.get_by_role("button", name="Sign In").click()

    log_in(page, email)
    inspector.look("second-factor")
    enter(totp(secret))
    open_second_factors()
    page.get_by_role("link", name="Add").click()
    confirm_password()
    page.get_by_label("Name").fill("My laptop")
    page.get_by_label("Passwordless").check()
    inspector.look("passkey-add")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("status")).to_have_text("Security key added.")
    inspector.look("second-factors")
    page.get_by_role("link", name="Manage").click()
    expect(page.get_by_text("My laptop")).to_be_visible()
    inspector.look("passkeys")
    log_out(page)

    log_in(page, email)
    enter(recovery_code)
    log_out(page)

    page.goto("/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    inspector.check_problems()


@WITH_DJANGO
def test_the_admin_works(running: Running, inspector: Inspector, page: Page) -> None:
    email = running.add_user("margaret", is_staff=True)
    page.goto("/secret-admin/")
    inspector.glance("admin-login")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    inspector.glance("admin")

    page.goto("/secret-admin/people/person/add/")
    inspector.glance("admin-person-add")
    page.get_by_label("Name").fill("Katherine Johnson")
    page.get_by_label("Age").fill("101")
    page.get_by_label("Email").fill("katherine@example.com")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()
    inspector.glance("admin-people")

    page.get_by_role("link", name="Katherine Johnson").first.click()
    page.get_by_label("Age").fill("100")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    inspector.glance("admin-logged-out")


def test_the_api_documentation_shows_the_operations(running: Running, inspector: Inspector, page: Page) -> None:
    log_in(page, running.add_user("dorothy"))

    page.goto("/api/docs/")
    expect(page.locator(".opblock-summary-path", has_text="/api/people/{id}/")).to_have_count(4)
    page.locator(".opblock-summary", has_text=re.compile("GET.*/api/me/")).click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    inspector.glance("api-docs")
