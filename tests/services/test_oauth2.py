"""Programs get tokens from a production server, for a user in a browser or for the program itself."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from .serving import PASSWORD, Answer, Site, in_production

pytestmark = pytest.mark.slow

SECRET = "a secret of the program"
CALLBACK = "https://program.example/callback"
VERIFIER = "a verifier, which is known to the program only".replace(" ", "-").replace(",", "~")
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
REGISTER = f"""
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from oauth2_provider.models import Application
create = get_user_model().objects.create_user
create("ada@example.com", {PASSWORD!r}).groups.add(Group.objects.get(name="Editors"))
robot = create("robot@example.com")
common = {{"client_type": "confidential", "client_secret": {SECRET!r}}}
Application.objects.create(
    client_id="calendar", authorization_grant_type="authorization-code", redirect_uris={CALLBACK!r}, **common
)
Application.objects.create(
    client_id="robot", authorization_grant_type="client-credentials", user=robot, **common
)
"""


@pytest.fixture(scope="module")
def site(template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    answers = {"oauth2_provider": True}
    with in_production(template, environments, tmp_path_factory.mktemp("oauth2"), answers) as stack:
        stack.python(REGISTER)
        yield stack.site


def ask_for_token(site: Site, program: str, secret: str = SECRET, client: str = "192.0.2.1", **fields: str) -> Answer:
    """Request a token like a program: with HTTP Basic authentication, and without cookies."""
    credentials = base64.b64encode(f"{program}:{secret}".encode()).decode()
    headers = {
        "Authorization": f"Basic {credentials}",
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Forwarded-For": client,
    }
    return site.ask("/oauth2/token/", method="POST", body=urlencode(fields), headers=headers)


def get_code(site: Site, scope: str) -> str:
    """Go from the program to the site, log in, agree, and go back, like a browser. Returns the code."""
    query = {
        "client_id": "calendar",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": scope,
        "state": "where the user was",
    }
    login = site.ask(f"/oauth2/authorize/?{urlencode(query)}").headers["Location"]
    page = site.ask(login)
    next_page = re.search(r'name="next" value="([^"]+)"', page.body)
    assert next_page is not None
    fields = {"username": "ada@example.com", "password": PASSWORD, "next": unescape(next_page[1])}
    answer = site.submit(page, urlsplit(login).path, fields)
    cookie = f"__Host-sessionid={answer.cookies['__Host-sessionid']}"
    authorize = answer.headers["Location"]
    page = site.ask(authorize, headers={"Cookie": cookie})
    hidden = re.findall(r'<input type="hidden" name="(\w+)"(?: value="([^"]*)")?', page.body)
    fields = {name: unescape(value) for name, value in hidden if name != "csrfmiddlewaretoken"}
    page = site.submit(page, authorize, fields | {"allow": "yes"}, cookie)
    assert page.status == 200
    assert "no-store" in page.headers["Cache-Control"]
    back = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.body)
    assert back is not None
    address, _, answered = unescape(back[1]).partition("?")
    assert address == CALLBACK
    given = parse_qs(answered)
    assert (given["state"], given["iss"]) == (["where the user was"], ["https://example.com"])
    return given["code"][0]


def get_tokens(site: Site, scope: str) -> dict[str, str]:
    answer = ask_for_token(
        site,
        "calendar",
        grant_type="authorization_code",
        code=get_code(site, scope),
        code_verifier=VERIFIER,
        redirect_uri=CALLBACK,
    )
    assert answer.status == 200, answer.body
    tokens: dict[str, str] = json.loads(answer.body)
    return tokens


def bearer(tokens: dict[str, str]) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def test_a_program_uses_the_api_for_a_user_who_agrees(site: Site) -> None:
    tokens = get_tokens(site, "read write")

    assert json.loads(site.ask("/api/me/", headers=bearer(tokens)).body)["email"] == "ada@example.com"
    person = {"name": "Grace", "age": 36, "email": "grace@example.com"}
    assert site.post_json("/api/people/", person, bearer(tokens)).status == 201


def test_a_program_does_not_do_what_the_user_did_not_agree_to(site: Site) -> None:
    tokens = get_tokens(site, "read")
    answer = site.post_json("/api/people/", {}, bearer(tokens))

    assert site.ask("/api/people/", headers=bearer(tokens)).status == 200
    assert answer.status == 403
    assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]


def test_a_program_uses_the_api_for_itself(site: Site) -> None:
    answer = ask_for_token(site, "robot", grant_type="client_credentials")

    me = site.ask("/api/me/", headers=bearer(json.loads(answer.body)))
    assert json.loads(me.body)["email"] == "robot@example.com"


def test_a_refresh_token_works_once_even_in_simultaneous_requests(site: Site) -> None:
    tokens = get_tokens(site, "read")

    def refresh(number: int) -> Answer:
        return ask_for_token(site, "calendar", grant_type="refresh_token", refresh_token=tokens["refresh_token"])

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(refresh, range(8)))

    assert sorted(answer.status for answer in answers) == [200] + [400] * 7
    assert {json.loads(answer.body)["error"] for answer in answers if answer.status == 400} == {"invalid_grant"}
    assert refresh(9).status == 400
    assert site.ask("/api/me/", headers=bearer(tokens)).status == 401
    for answer in answers:
        if answer.status == 200:
            assert site.ask("/api/me/", headers=bearer(json.loads(answer.body))).status == 401


def test_guessing_a_secret_is_throttled(site: Site) -> None:
    statuses = [
        ask_for_token(site, "robot", f"wrong {number}", "192.0.2.7", grant_type="client_credentials").status
        for number in range(12)
    ]

    assert statuses == [401] * 10 + [429] * 2
    assert ask_for_token(site, "robot", grant_type="client_credentials").status == 200


@pytest.mark.parametrize("fields", [{"code": "\0"}, {"code": "x", "code_verifier": "\0"}, {"client_id": "\0"}])
def test_refuses_values_that_databases_cannot_store(site: Site, fields: dict[str, str]) -> None:
    program = fields.get("client_id", "calendar")
    asked = {"grant_type": "authorization_code", "redirect_uri": CALLBACK} | fields

    assert ask_for_token(site, program, **asked).status == 400


def test_an_escaped_question_mark_in_a_path_is_not_a_query(site: Site) -> None:
    for path in ("/api/people/%3F%5B/", "/api/people/%3F%25zz/"):
        assert site.ask(path, headers={"Authorization": "Bearer nothing"}).status == 401
