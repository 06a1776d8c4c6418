"""The pages of a project in production, in a real browser: they work, without errors, and everybody can use them."""

import re
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

PROJECTS: dict[str, Answers] = {"django": {"use_celery": True}}


@dataclass
class Running:
    """A project in production, and a browser to which it is example.com."""

    name: str
    stack: Stack
    browser: Browser

    def add_superuser(self, name: str) -> str:
        """Make a user who may do everything, and return the address that is also the name to log in with."""
        email = f"{name}@example.com"
        self.stack.python(
            "from django.contrib.auth import get_user_model as user;"
            f"user().objects.create_superuser('{email}', '{PASSWORD}')"
        )
        return email

    def link_in_mail(self, address: str) -> str:
        """Wait for the first mail to somebody, and return the link in it."""
        servers.wait_until(lambda: bool(self.stack.mailbox.texts_to(address)), 30, f"the mail to {address} arrives")
        link = re.search(rf"https://{HOST}/\S+", self.stack.mailbox.texts_to(address).pop())
        assert link is not None
        return link[0]


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
    """Log in, and be where the project leads to."""
    page.goto("/login/")
    page.get_by_label("Email").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_the_home_page_and_a_page_that_is_not_there(inspector: Inspector, page: Page) -> None:
    page.goto("/")
    inspector.look("home")

    page.goto("/nothing/")
    inspector.check_problems(
        f"404: https://{HOST}/nothing/",
        "error: Failed to load resource: the server responded with a status of 404 (Not Found)",
    )
    inspector.look("not-found")


def test_a_login_takes_nothing_but_the_keyboard(running: Running, inspector: Inspector, page: Page) -> None:
    email = running.add_superuser("kay")
    page.goto("/people/")
    inspector.look("login")
    page.reload()

    page.keyboard.type(email)
    page.keyboard.press("Tab")
    page.keyboard.type("a wrong password")
    page.keyboard.press("Enter")
    expect(page.locator(".errorlist")).to_be_visible()
    inspector.look("login-refused")
    page.reload()
    page.get_by_label("Password").focus()
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"https://{HOST}/people/")


def test_a_person_is_added_changed_and_deleted(running: Running, inspector: Inspector, page: Page) -> None:
    log_in(page, running.add_superuser("ada"))
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

    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log out")).to_have_count(0)
    page.goto("/people/")
    expect(page).to_have_url(f"https://{HOST}/login/?next=/people/")
    inspector.check_problems()


def test_errors_stand_beside_their_fields(running: Running, inspector: Inspector, page: Page) -> None:
    log_in(page, running.add_superuser("edith"))
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


@pytest.mark.parametrize("running", ["django"], indirect=True, scope="module")
def test_a_password_is_changed(running: Running, inspector: Inspector, page: Page) -> None:
    email = running.add_superuser("pat")
    log_in(page, email)
    page.get_by_role("link", name=email).click()
    inspector.look("password-change")

    def change(old: str, new: str, again: str) -> None:
        page.get_by_label("Old password").fill(old)
        page.get_by_label("New password:").fill(new)
        page.get_by_label("New password confirmation").fill(again)
        page.get_by_role("button", name="Change password").click()

    change("a wrong password", "another long password", "something else")
    expect(page.locator(".errorlist")).to_have_count(2)
    assert set(inspector.errors()) == {"Old password:", "New password confirmation:"}
    inspector.look("password-change-refused")
    change(PASSWORD, "another long password", "another long password")

    expect(page.get_by_role("status")).to_have_text("Your password has been changed.")
    page.get_by_role("button", name="Log out").click()
    log_in(page, email, "another long password")
    inspector.check_problems()


@pytest.mark.parametrize("running", ["django"], indirect=True, scope="module")
def test_a_password_is_reset_by_mail(running: Running, inspector: Inspector, page: Page) -> None:
    email = running.add_superuser("rose")
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
    page.get_by_label("New password:").fill("another long password")
    page.get_by_label("New password confirmation").fill("another long password")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("status")).to_contain_text("Your new password is set")

    log_in(page, email, "another long password")
    page.goto(link)
    expect(page.get_by_text("The link is too old")).to_be_visible()
    inspector.look("password-link-used")


def test_the_admin_works(running: Running, inspector: Inspector, page: Page) -> None:
    email = running.add_superuser("margaret")
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
    log_in(page, running.add_superuser("dorothy"))

    page.goto("/api/docs/")
    expect(page.locator(".opblock-summary-path", has_text="/api/people/{id}/")).to_have_count(4)
    page.locator(".opblock-summary", has_text=re.compile("GET.*/api/me/")).click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()

    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    inspector.glance("api-docs")
