"""Visit a running project like a browser: keep cookies, follow links, find forms."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from .serving import PASSWORD, Answer, Site, Stack

# Prints the routes of all views, including those of Django and of packages.
PRINT_ROUTES = """
from django.urls import URLResolver, get_resolver
def routes(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, prefix + str(pattern.pattern))
        else:
            yield prefix + str(pattern.pattern)
print(*("route /" + route for route in routes(get_resolver())), sep="\\n")
"""


@dataclass
class Form:
    """A form of a page: its action, the types of its fields, and the values that a browser would send."""

    action: str
    enctype: str = "application/x-www-form-urlencoded"
    types: dict[str, str] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)

    def names(self, *types: str) -> list[str]:
        """Return the names of the fields of these types."""
        return [name for name, given in self.types.items() if given in types]


class Page(HTMLParser):
    """The contents of a page: its links, forms, and assets, and what a strict content security policy blocks."""

    def __init__(self, path: str, answer: Answer) -> None:
        super().__init__()
        self.path = path
        self.links: list[str] = []
        self.forms: list[Form] = []
        self.loaded: list[str] = []
        self.inline: list[str] = []
        self.in_form = False
        self.select = self.textarea = ""
        self.nonces = re.findall(r"'nonce-([^']+)'", answer.headers.get("Content-Security-Policy", ""))
        self.feed(answer.body)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.note_what_is_inline(tag, given)
        if tag in ("script", "img", "iframe", "source", "embed") and "src" in given:
            self.loaded.append(given["src"])
        if tag == "link":
            self.loaded.append(given["href"])
        if tag == "a" and "href" in given:
            self.links.append(urljoin(self.path, given["href"]))
        if tag == "form":
            self.in_form = given.get("method", "").lower() == "post"
            if self.in_form:
                self.forms.append(Form(urljoin(self.path, given.get("action") or self.path)))
                self.forms[-1].enctype = given.get("enctype", Form.enctype)
        if self.in_form:
            self.note_field(tag, given)

    def note_what_is_inline(self, tag: str, given: Mapping[str, str]) -> None:
        """Record inline scripts and styles, unless they carry the nonce or are data."""
        allowed = given.get("nonce") in self.nonces or given.get("type") == "application/json"
        if not allowed and (tag == "style" or (tag == "script" and "src" not in given)):
            self.inline.append(self.get_starttag_text() or tag)
        for name, value in given.items():
            if name == "style" or name.startswith("on") or value.strip().lower().startswith("javascript:"):
                self.inline.append(self.get_starttag_text() or tag)

    def note_field(self, tag: str, given: Mapping[str, str]) -> None:
        """Record a field of the current form, and its value."""
        form, name = self.forms[-1], given.get("name", "")
        if tag == "option" and self.select and ("selected" in given or not form.values.get(self.select)):
            form.values[self.select] = given.get("value", "")
        if tag in ("input", "select", "textarea", "button") and name:
            kind = given.get("type", "text") if tag == "input" else tag
            form.types[name] = kind
            if kind not in ("checkbox", "radio") or "checked" in given:
                form.values[name] = given.get("value", "")
        if tag == "select":
            self.select = name
        if tag == "textarea":
            self.textarea = name

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.forms[-1].values[self.textarea] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.in_form = False
        if tag == "select":
            self.select = ""
        if tag == "textarea":
            self.textarea = ""


def multipart(values: Mapping[str, str], field: str, name: str, content: str) -> dict[str, str]:
    """Return the body and the headers of a request with a file, as arguments for Visitor.ask."""
    parts = [(f'name="{name}"', value) for name, value in values.items()]
    parts.append((f'name="{field}"; filename="{name}"', content))
    body = "".join(f"--limit\r\nContent-Disposition: form-data; {head}\r\n\r\n{text}\r\n" for head, text in parts)
    return {"body": f"{body}--limit--\r\n", "Content-Type": "multipart/form-data; boundary=limit"}


class Visitor:
    """A visitor with a browser."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.cookies: dict[str, str] = {}

    def headers(self) -> dict[str, str]:
        """Return the headers that the browser sends with each request."""
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Origin": "https://example.com"} | ({"Cookie": cookies} if cookies else {})

    def ask(self, path: str, *, method: str = "GET", body: str | None = None, **headers: str) -> Answer:
        answer = self.site.ask(path, method=method, body=body, headers=self.headers() | headers)
        self.keep(answer.cookies)
        return answer

    def keep(self, cookies: Mapping[str, str]) -> None:
        """Keep the cookies of a response. Deleted ones are empty, which is fine: nobody logs out here."""
        self.cookies |= {name: value for name, value in cookies.items() if value.strip('"')}

    def send(self, form: Form, values: Mapping[str, str], **headers: str) -> Answer:
        """Send a form with these values, and the page's own values for the other fields."""
        content = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask(form.action, method="POST", body=urlencode(form.values | dict(values)), **content, **headers)

    def send_file(self, form: Form, values: Mapping[str, str], field: str, name: str, content: str) -> Answer:
        """Send a form with a file. Like a browser, send only the file's name if the form has another type."""
        if form.enctype != "multipart/form-data":
            return self.send(form, {**values, field: name})
        others = {name: value for name, value in form.values.items() if name != field} | dict(values)
        return self.ask(form.action, method="POST", **multipart(others, field, name, content))

    def form(self, path: str) -> Form:
        """Load a page, follow redirects, and return its form with a password, or else its last form."""
        answer = self.ask(path)
        while answer.status == 302:
            path = urljoin(path, answer.headers["Location"])
            answer = self.ask(path)
        forms = Page(path, answer).forms
        return next((form for form in forms if form.names("password")), forms[-1])

    def log_in(self, form: Form, name: str, password: str = PASSWORD, **headers: str) -> Answer:
        """Send a login form, whatever the names of its fields."""
        (name_field,) = form.names("text", "email")
        (password_field,) = form.names("password")
        return self.send(form, {name_field: name, password_field: password}, **headers)

    def is_logged_in(self) -> bool:
        """Return whether a page that needs a login is shown."""
        return self.ask("/people/").status == 200


def routes(stack: Stack) -> list[str]:
    """Return a path for each route of the project, with the first object if it needs one. API routes have none."""
    printed = re.findall(r"^route (/.*)$", stack.python(PRINT_ROUTES), re.MULTILINE)
    return [re.sub("<[^>]+>", "1", route) for route in printed if not re.search(r"[$^]", route)]


def shape(path: str) -> str:
    """Return what similar pages share: the path without numbers, and the names in the query."""
    parts = urlsplit(path)
    names = sorted(name for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    return re.sub(r"\d+", "1", parts.path) + "?" + "&".join(names)


def crawl(visitor: Visitor, starts: Iterable[str]) -> Iterator[tuple[Page, Answer]]:
    """Visit these paths and all pages that they link to. Yields the HTML pages.

    One page of each kind is enough, and so is one filter of a list at a time.
    """
    waiting, seen = list(starts), set()
    while waiting:
        path = waiting.pop(0)
        parts, kind = urlsplit(path), shape(path)
        if parts.netloc or parts.scheme or parts.path.startswith("/static/") or "&" in kind or kind in seen:
            continue
        seen.add(kind)
        answer = visitor.ask(path)
        if answer.headers.get("Location"):
            waiting.append(urljoin(path, answer.headers["Location"]))
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            page = Page(path, answer)
            waiting.extend(urljoin(path, link).split("#")[0] for link in page.links)
            yield page, answer
