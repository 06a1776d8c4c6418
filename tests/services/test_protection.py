"""The production server resists attacks: it stops guessing, refuses foreign hosts, and survives any input."""

import json
import re
import sys
from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ..harness import servers
from ..harness.commands import run
from . import hostile
from .pages import Form, Page, Visitor, crawl, routes, shape
from .serving import PASSWORD, STORE_TOKEN, Site, Stack, in_production, serving

pytestmark = pytest.mark.slow

TOKEN = "0123456789abcdef0123456789abcdef01234567"
NAMES = ["ada", "grace", *(f"{name}{number}" for name in ("bob", "eve") for number in range(3))]

# Hostile forms change or delete the first object of each kind, so no other test uses it.
CREATE = f"""{STORE_TOKEN}
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from people.models import Person

def create(name, **fields):
    user = get_user_model().objects.create_user(name + "@example.com", "{PASSWORD}", **fields)
    if apps.is_installed("allauth.account"):
        user.emailaddress_set.create(email=user.email, verified=True, primary=True)
    return user

AuthToken.objects.create(create("victim"))
Group.objects.create(name="victims")
Person.objects.create(name="Victim", age=1, email="victim@example.com")
store_token(create("admin", is_staff=True, is_superuser=True), "{TOKEN}")
for name in {NAMES}:
    create(name, is_staff=name in ["eve1", "bob1"])
"""

# Production settings without rate limits, and with a fast password hash.
UNTHROTTLED = """
from my_site.settings.production import *
from my_site.settings.production import PASSWORD_HASHERS, REST_FRAMEWORK

ACCOUNT_RATE_LIMITS = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *PASSWORD_HASHERS]
RATES = dict.fromkeys(REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"])
REST_FRAMEWORK = REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": RATES}
"""

# Django's own accounts with WSGI, and allauth with ASGI.
STACKS = [
    pytest.param(answers, id=name, marks=pytest.mark.xdist_group(name))
    for answers in (
        {"accounts": "django", "server": "wsgi", "database": "postgresql"},
        {"accounts": "allauth", "server": "asgi", "database": "postgresql"},
        {"accounts": "allauth", "server": "asgi", "database": "sqlite"},
    )
    for name in ["protection-{accounts}-{database}".format(**answers)]
]


@pytest.fixture(scope="module", params=STACKS)
def stack(
    request: pytest.FixtureRequest, template: Path, environments: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("protection")
    with in_production(template, environments, folder, request.param | {"use_celery": True}) as stack:
        stack.python(CREATE)
        yield stack


@pytest.fixture(scope="module")
def unthrottled(stack: Stack) -> Iterator[Site]:
    """The same site, served without limits."""
    (stack.project / "unthrottled.py").write_text(UNTHROTTLED)
    variables = stack.variables | {"DJANGO_SETTINGS_MODULE": "unthrottled"}
    with serving(stack.project, stack.programs, stack.server, variables, stack.folder / "unthrottled.log") as site:
        yield site


@pytest.fixture(scope="module")
def paths(stack: Stack) -> list[str]:
    """A path for each route of the project, except those that log out."""
    return [path for path in routes(stack) if "logout" not in path]


def login_path(site: Site) -> str:
    """Return the path of the login page."""
    return site.ask("/people/").headers["Location"]


def reset_path(site: Site) -> str:
    """Return the path of the page to reset a password."""
    path = login_path(site)
    return next(link for link in Page(path, site.ask(path)).links if "reset" in link)


def admin_of(site: Site) -> Visitor:
    """Return a logged-in superuser."""
    admin = Visitor(site)
    admin.log_in(admin.form(login_path(site)), "admin@example.com")
    assert admin.is_logged_in()
    return admin


def addresses(number: int) -> dict[str, str]:
    """Return headers that claim another address for each number, in every known way."""
    address = f"10.{number}.{number}.{number}"
    named = dict.fromkeys(
        ("X-Forwarded-For", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP"), address
    )
    return named | {"Forwarded": f"for={address}"}


def in_other_case(name: str, number: int) -> str:
    """Return another spelling of a name."""
    return [name, name.upper(), name.title()][number % 3]


@pytest.mark.parametrize("page", range(2), ids=["login", "admin"])
def test_guessing_a_password_on_a_page_is_stopped(stack: Stack, page: int) -> None:
    path = [login_path(stack.site), "/secret-admin/login/"][page]
    eve, visitor = f"eve{page}@example.com", Visitor(stack.site)
    form = visitor.form(path)

    def guess(number: int) -> None:
        answer = visitor.log_in(form, in_other_case(eve, number), f"wrong {number}", **addresses(number))
        assert answer.status in (200, 400, 403, 429)

    for number in range(10):
        guess(number)
    visitor.log_in(form, eve, **addresses(10))
    assert not visitor.is_logged_in()
    for number in range(10, 60):
        guess(number)
    visitor.log_in(form, eve, **addresses(60))
    assert not visitor.is_logged_in()

    visitor.log_in(visitor.form(path), f"bob{page}@example.com", **addresses(60))
    assert visitor.is_logged_in()


def test_guessing_a_password_for_a_token_is_stopped(stack: Stack) -> None:
    def ask_for_token(name: str, password: str, number: int) -> int:
        credentials = {"username": name, "password": password}
        return stack.site.post_json("/api/token/", credentials, addresses(number)).status

    def guess(number: int) -> int:
        return ask_for_token(in_other_case("eve2@example.com", number), f"wrong {number}", number)

    statuses = [guess(number) for number in range(10)]
    statuses.append(ask_for_token("eve2@example.com", PASSWORD, 10))
    statuses += [guess(number) for number in range(10, 60)]
    statuses.append(ask_for_token("eve2@example.com", PASSWORD, 60))

    assert set(statuses) <= {400, 403, 429}
    assert ask_for_token("bob2@example.com", PASSWORD, 61) == 200


def test_trying_many_names_for_a_token_is_stopped(stack: Stack) -> None:
    statuses = [
        stack.site.post_json(
            "/api/token/",
            {"username": f"{number}@example.com", "password": "password"},
            {"X-Forwarded-For": f"10.0.0.{number}, 192.0.2.60"},  # the proxy adds the client's own address
        ).status
        for number in range(60)
    ]

    assert statuses[:10] == [400] * 10
    assert 429 in statuses[10:]


def test_an_address_with_a_port_does_not_escape_the_limits(stack: Stack) -> None:
    statuses = [
        stack.site.post_json(
            "/api/token/",
            {"username": f"{number}@example.com", "password": "password"},
            {"X-Forwarded-For": f"10.0.0.{number}, {address}"},
        ).status
        for number in range(15)
        for address in (f"192.0.2.62:{5000 + number}", f"[::ffff:192.0.2.62]:{number}")
    ]

    assert 429 in statuses


def test_records_of_logins_hold_the_address_of_the_client(stack: Stack) -> None:
    visitor, expected = Visitor(stack.site), {}
    form = visitor.form(login_path(stack.site))
    for number, (entries, address) in enumerate(
        [
            ("203.0.113.1, 203.0.113.2:5678", "203.0.113.2"),
            ("203.0.113.1,[2001:db8::1]:443", "2001:db8::1"),
            ("::ffff:203.0.113.3", "203.0.113.3"),
            ("fe80::1%eth0", "fe80::1"),
            ("203.0.113.1, unknown", "127.0.0.1"),
        ]
    ):
        name = f"lost{number}@example.com"
        expected[name] = address
        assert visitor.log_in(form, name, "wrong", **{"X-Forwarded-For": entries}).status == 200, entries
    visitor.log_in(form, "ada@example.com", **{"X-Forwarded-For": "203.0.113.4, 203.0.113.5"})
    assert visitor.is_logged_in()

    kept = stack.python(
        "from axes.models import AccessAttempt, AccessLog; import json;"
        "print(json.dumps([*AccessAttempt.objects.values_list('username', 'ip_address'),"
        " *AccessLog.objects.filter(username='ada@example.com').values_list('username', 'ip_address')]))"
    )

    expected["ada@example.com"] = "203.0.113.5"
    found = dict(json.loads(kept.splitlines()[-1]))
    assert {name: found.get(name) for name in expected} == expected
    lines = [(line.get("user"), line["client"], line["message"]) for line in stack.site.records()]
    for name, address in expected.items():
        event = "Logged in" if name == "ada@example.com" else "Login failed"
        assert lines.count((name, address, f"{event}: {name}")) == 1


EVIL_HOSTS = [
    b"evil.example.org",
    b"example.com.evil.example.org",
    b"evilexample.com",
    b"example.com@evil.example.org",
    b"evil.example.org@example.com",
    b"example.com:443@evil.example.org",
    b"example.com:evil",
    b"example.com/evil",
    b"example.com#evil",
    b"example.com, evil.example.org",
    b"example.com evil.example.org",
    b"example.com\tevil.example.org",
    b"example.com\x00.evil.example.org",
    b"evil.example.org\x0b",
    b"ev_il.example.org",
    b"ex_ample.com",
    b"\xc3\xa9xample.com",
    b"\xff\xfe",
    b"[::1]",
    b"127.0.0.1",
    b"localhost",
    b".example.com",
    b"*",
    b"",
]
PROXY = b"X-Forwarded-Proto: https\r\nConnection: close\r\n"


def is_refused(answer: bytes) -> bool:
    """Return whether a response is a 4xx that does not mention the evil host."""
    return re.match(rb"HTTP/1\.[01] 4\d\d ", answer) is not None and b"evil" not in answer


def test_other_hosts_are_refused(stack: Stack, paths: list[str]) -> None:
    for path in [*paths, "/nothing/"]:
        assert stack.site.ask(path, headers={"Host": "evil.example.org"}).status == 400, path
    for host in EVIL_HOSTS:
        for lines in (
            b"Host: %s\r\n" % host,
            b"Host: %s\r\nHost: example.com\r\n" % host,
            b"Host: example.com\r\nHost: %s\r\n" % host,
            b"Host: %s\r\nX-Forwarded-Host: example.com\r\n" % host,
        ):
            assert is_refused(stack.site.send(b"GET /login/ HTTP/1.1\r\n" + lines + PROXY + b"\r\n")), lines
    assert is_refused(stack.site.send(b"GET /login/ HTTP/1.1\r\n" + PROXY + b"\r\n"))


def test_no_answer_leads_to_another_host(stack: Stack, paths: list[str]) -> None:
    for path in paths:
        # A proxy may forward the host in the target. The site must ignore it.
        for target in (
            f"https://evil.example.org{path}",
            f"https://evil@example.com{path}",
            f"//evil.example.org{path}",
        ):
            request = f"GET {target} HTTP/1.1\r\nHost: example.com\r\n".encode()
            answer = stack.site.send(request + PROXY + b"\r\n")
            assert re.match(rb"HTTP/1\.[01] [234]", answer), target
            assert b"//evil" not in answer, target
        for header in (
            "Forwarded",
            "X-Forwarded-Host",
            "X-Forwarded-Server",
            "X-Host",
            "X-Original-Host",
            "X-Original-URL",
            "X-Rewrite-URL",
        ):
            value = "host=evil.example.org" if header == "Forwarded" else "//evil.example.org/"
            answer_to_header = stack.site.ask(path, headers={header: value})
            assert "evil" not in str(answer_to_header.headers) + answer_to_header.body, (path, header)


def test_the_mail_for_a_new_password_leads_to_this_site(stack: Stack) -> None:
    path = reset_path(stack.site)

    def ask_for_mail(name: str, **headers: str) -> int:
        visitor = Visitor(stack.site)
        form = visitor.form(path)
        (field,) = form.names("email")
        return visitor.send(form, {field: name}, **headers).status

    assert ask_for_mail("ada@example.com", Host="evil.example.org") == 400
    others = dict.fromkeys(("X-Forwarded-Host", "X-Host"), "evil.example.org")
    assert ask_for_mail("grace@example.com", Forwarded="host=evil.example.org", **others) == 302

    servers.wait_until(lambda: bool(stack.mailbox.texts_to("grace@example.com")), 30, "the mail arrives")
    (text,) = stack.mailbox.texts_to("grace@example.com")
    assert "https://example.com/" in text
    assert "evil" not in text
    assert stack.mailbox.texts_to("ada@example.com") == []


def test_no_page_has_inline_scripts_or_styles(unthrottled: Site, paths: list[str]) -> None:
    admin, stranger = admin_of(unthrottled), Visitor(unthrottled)
    seen = [*crawl(admin, paths), *crawl(stranger, paths)]
    for path in ("/nothing/", login_path(unthrottled)):  # a missing page, and a form without its CSRF token
        answer = stranger.ask(path, method="POST", body="")
        seen.append((Page(path, answer), answer))

    assert {page.path for page, _ in seen} >= {
        "/",
        "/secret-admin/people/person/add/",
        "/api/docs/",
        "/people/1/change/",
    }
    for page, answer in seen:
        policy = answer.headers.get("Content-Security-Policy", "")
        assert "script-src 'self'" in policy, page.path
        assert "style-src 'self'" in policy, page.path
        assert "unsafe" not in policy, page.path
        assert page.inline == [], page.path
        elsewhere = [address for address in page.loaded if urlsplit(address).netloc or urlsplit(address).scheme]
        assert elsewhere == [], page.path


def test_generated_requests_to_the_api_find_no_server_error(stack: Stack, unthrottled: Site) -> None:
    report = stack.folder / "schemathesis.json"
    token = "abcdef" * 10
    find = "from django.contrib.auth import get_user_model as user"
    store = f"store_token(user().objects.get(email='admin@example.com'), '{token}')"
    stack.python(f"{STORE_TOKEN}{find}\n{store}")
    # The API is the same for all kinds of accounts, so one site gets random requests, too.
    whole = stack.database is not None and stack.server == "wsgi"
    options = {
        "--header": "Host: example.com",
        "-H": "X-Forwarded-Proto: https",
        "--checks": "not_a_server_error",
        "--phases": "examples,coverage,fuzzing" if whole else "examples,coverage",
        "--max-examples": "770",
        "--seed": "1",
        "--workers": "2",
        "--generation-database": "none",
        "--report-json-path": str(report),
    }
    schema = f"http://127.0.0.1:{unthrottled.port}/api/schema/"
    run(
        [
            Path(sys.executable).with_name("schemathesis"),
            *("run", schema, "--continue-on-failure", "--no-color", "--report", "json"),
            *("-H", f"Authorization: Token {token}"),
            *("--exclude-operation-id", "token_destroy"),  # it would end the token
            *(part for option in options.items() for part in option),
        ],
        stack.folder,
    )

    result = json.loads(report.read_text())
    assert result["complete"]
    assert result["errors"] == result["failures"] == []
    assert result["operations"]["tested"] == result["operations"]["total"] - 1 > 5
    assert result["test_cases"]["generated"] >= (10_000 if whole else 400)


def send(visitor: Visitor, request: hostile.Request) -> int:
    """Send a request as a visitor, and return the status of the response, or 0 without one."""
    own = () if any(header.startswith(b"Cookie") for header in request.headers) else visitor.headers().items()
    answer = visitor.site.send(request.as_bytes(*(f"{name}: {value}".encode() for name, value in own)))
    found = re.match(rb"HTTP/1\.[01] (\d{3}) ", answer)
    cookies = re.findall(r"(?im)^set-cookie: ([^=]+)=([^;\r]*)", answer.partition(b"\r\n\r\n")[0].decode("latin-1"))
    visitor.keep(dict(cookies))
    return int(found[1]) if found else 0


def is_known(request: hostile.Request) -> bool:
    """Return whether Django itself fails: on SQLite, when staff send a list with an id of more than 64 bits."""
    given = request.target + request.body.decode("latin-1")
    return re.search(r"/secret-admin/.*(id__in|groups|permissions)=9{20,}$", given) is not None


def failures(visitor: Visitor, requests: Iterable[hostile.Request]) -> list[str]:
    """Send requests and return those with a server error, shortened."""
    sent = ((send(visitor, request), request) for request in requests)
    return [
        f"{status} {request.method} {request.target[:100]} {request.headers[:1]!r:.100} ...{request.body[-100:]!r}"
        for status, request in sent
        if not 200 <= status < 500 and not is_known(request)
    ]


def in_turn(path: str, requests: Iterable[hostile.Request], turns: Iterator[int]) -> Iterable[hostile.Request]:
    """Return requests to a path. The pages of the admin share their code: each in turn gets a seventh of them."""
    return islice(requests, next(turns) % 7, None, 7) if path.startswith("/secret-admin/") else requests


def is_changelist(path: str) -> bool:
    return re.fullmatch(r"/secret-admin/\w+/\w+/", path) is not None and "password" not in path


def test_hostile_input_causes_no_server_error(stack: Stack, unthrottled: Site, paths: list[str]) -> None:
    admin, stranger = admin_of(unthrottled), Visitor(unthrottled)
    api = ["/api/people/", "/api/people/1/", "/api/token/"]
    lists = ["/clubs/", "/people/", "/api/clubs/", "/api/people/", *filter(is_changelist, paths)]
    every = {*paths, *api, "/static/x", "/nothing/"}
    forms: dict[tuple[Visitor, str, tuple[str, ...]], Form] = {}
    for visitor in (admin, stranger):
        for page, _ in crawl(visitor, paths):
            for form in page.forms:
                if "logout" not in form.action:
                    forms.setdefault((visitor, shape(form.action).partition("?")[0], tuple(sorted(form.types))), form)
    # Deletions come last, so that the other requests have objects.
    ordered = sorted(forms.items(), key=lambda item: "delete" in item[1].action)
    token = f"Authorization: Token {TOKEN}".encode()
    turns = count()
    found = [f"{request[:80]!r}" for request in hostile.MALFORMED if b" 5" in unthrottled.send(request)[:13]]

    for path in api:
        for request in hostile.to_api(path):
            request.headers += (token,)
            found += failures(stranger, [request])
    for route in [*paths, "/api/people/1/"]:
        if "/1/" in route:
            found += failures(admin, hostile.to_object(route))
    for (visitor, _, _), form in ordered:
        found += failures(visitor, hostile.to_form(form))
        assert admin.is_logged_in(), form.action
    for path in lists:
        found += failures(admin, in_turn(path, hostile.to_list(path), turns))
    # Methods, types of content, and sizes: no database sees them, so the sites with PostgreSQL will do.
    for path in sorted(every) if stack.database else []:
        found += failures(admin, in_turn(path, hostile.to_page(path), turns))
        assert admin.is_logged_in(), path
    for path in (*lists, "/", "/static/x", "/nothing/", login_path(unthrottled)):
        found += failures(admin, in_turn(path, hostile.with_headers(path), turns))
        requests = [*hostile.with_headers(path), *hostile.to_page(path)]
        found += failures(stranger, in_turn(path, requests, turns))

    assert found == []
    for path in lists:
        assert admin.ask(path).status == 200, path
