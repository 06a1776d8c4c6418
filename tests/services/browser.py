"""A browser, and a user who visits a site with it and records problems."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Request, Response, sync_playwright

from ..harness.answers import REPOSITORY

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
HOST = "example.com"
SCREENSHOTS = REPOSITORY / "artifacts" / "screenshots"
WIDTHS = (1100, 360)  # pixels: a desktop, and a small phone

# WCAG and good practice, except the rule that a column of buttons needs a name.
AXE = {"resultTypes": ["violations"], "rules": {"empty-table-header": {"enabled": False}}}

# Finds the controls of a page and those that had no focus yet, and tells whether the focus is visible.
FOCUS = """() => {
    const controls = [...document.querySelectorAll("a[href], button, input, select, summary, textarea")]
        .filter(control => control.checkVisibility() && !control.disabled);
    const focused = document.activeElement;
    const style = getComputedStyle(focused);
    window.reached ??= new Set();
    window.reached.add(focused);
    return {
        unseen: focused !== document.body && (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2)
            ? focused.outerHTML : null,
        unreached: controls.filter(control => !window.reached.has(control)).map(control => control.outerHTML),
    };
}"""

# Finds the errors of fields: the label of each error's field, and the distance between both in pixels.
ERRORS = """() => [...document.querySelectorAll(".errorlist:not(.nonfield)")].map(error => {
    const field = document.querySelector(`[aria-describedby~="${error.id}"][aria-invalid="true"]`);
    return {
        text: error.innerText,
        label: field?.labels[0].innerText ?? null,
        distance: field ? Math.max(
            field.getBoundingClientRect().top - error.getBoundingClientRect().bottom,
            error.getBoundingClientRect().top - field.getBoundingClientRect().bottom) : null,
    };
})"""


def find_chromium() -> str:
    """Return the path of the system's Chromium; without one, skip the test."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    return program or pytest.skip("there is no Chromium: apt-get install chromium")


@contextmanager
def chromium(program: str, port: int) -> Iterator[Browser]:
    """Run Chromium, which finds the site at a port of this machine and accepts any certificate."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=["--ignore-certificate-errors", f"--host-resolver-rules=MAP {HOST}:443 127.0.0.1:{port}"],
        )
        yield browser
        browser.close()


class Inspector:
    """A user with a separate browser context, who checks pages and saves screenshots.

    problems: the problems since the last check: Chromium's messages, violations of the content security policy, and
    requests that failed or went to other hosts.
    """

    def __init__(self, browser: Browser, screenshots: Path) -> None:
        self.problems: list[str] = []
        self.screenshots = screenshots
        context = browser.new_context(base_url=f"https://{HOST}")
        context.set_default_timeout(10_000)
        context.on("console", self.note_message)
        context.on("response", self.note_response)
        context.on("weberror", lambda error: self.problems.append(f"error: {error.error}"))
        context.on("requestfailed", self.note_failure)
        context.expose_binding("breach", lambda source, text: self.problems.append(f"policy: {text}"))
        context.add_init_script(
            "addEventListener('securitypolicyviolation', event => "
            "breach(`${event.effectiveDirective} ${event.blockedURI} on ${event.documentURI}`))"
        )
        self.page = context.new_page()

    def note_message(self, message: ConsoleMessage) -> None:
        self.problems.append(f"{message.type}: {message.text}")

    def note_failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # cancelled by the next page
            self.problems.append(f"{request.failure}: {request.url}")

    def note_response(self, response: Response) -> None:
        url = urlsplit(response.url)
        if url.scheme != "data" and url.netloc != HOST:
            self.problems.append(f"asked elsewhere: {response.url}")
        if response.status >= 400:
            self.problems.append(f"{response.status}: {response.url}")

    def look(self, name: str) -> None:
        """Check the accessibility of the open page, on both screens and in both colour schemes."""
        headings = self.page.locator("h1").all_inner_texts()
        assert len(headings) == 1, headings
        self.walk()
        for scheme, width in self.photograph(name):
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} scrolls at {width}"
            found = Axe().run(self.page, options=AXE)
            assert found.violations_count == 0, f"{name}, {scheme}: {found.generate_report()}"
        self.check_problems()

    def glance(self, name: str) -> None:
        """Check that the open page works, without the accessibility checks: for pages of other packages."""
        for _ in self.photograph(name):
            pass
        self.problems = [problem for problem in self.problems if not problem.startswith(("info: ", "verbose: "))]
        self.check_problems()

    def photograph(self, name: str) -> Iterator[tuple[str, int]]:
        """Take a picture of the open page for each screen and colour scheme, and yield at each."""
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                self.page.emulate_media(color_scheme=scheme)
                self.page.set_viewport_size({"width": width, "height": 800})
                self.page.screenshot(path=self.screenshots / f"{name}-{width}-{scheme}.png", full_page=True)
                yield scheme, width

    def walk(self) -> None:
        """Reach every control of the page with the Tab key, and check that the focus is visible."""
        focus = self.page.evaluate(FOCUS)
        for _ in range(len(focus["unreached"]) + 2):
            self.page.keyboard.press("Tab")
            focus = self.page.evaluate(FOCUS)
            assert focus["unseen"] is None, f"The focus cannot be seen on {focus['unseen']}"
        assert not focus["unreached"], f"Tab does not lead to {focus['unreached']}"
        self.page.evaluate("document.activeElement.blur()")

    def errors(self) -> dict[str, str]:
        """Return the errors of fields by label. Each error must be beside its field, and connected to it."""
        errors = self.page.evaluate(ERRORS)
        assert all(error["label"] and 0 <= error["distance"] < 10 for error in errors), errors
        return {error["label"]: error["text"] for error in errors}

    def check_problems(self, *expected: str) -> None:
        """Check that there were no problems since the last check, except the expected ones."""
        problems, self.problems = self.problems, []
        assert problems == list(expected), problems
