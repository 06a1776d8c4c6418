"""Hostile requests. Each must get a response that is not a server error."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from .pages import Form

# Values in a query or form that databases, numbers, dates, file names, or pages cannot handle.
VALUES = [
    "%00",
    "%ed%a0%80%ff",
    "%F4%8F%BF%BF%E2%80%AE",
    "",
    "-1",
    "1e400",
    "99999999999999999999",
    "10000-01-01",
    "..%2f..%2fetc%2fpasswd",
    "%27%22%3E%3Cscript%3E%5C%25s%7B%7D",
]
# Values that are too long for a request line.
LONG_VALUES = ["x" * 300, "9" * 5000, "x" * 100_000]

# Parameters of lists in Django, REST framework, and their packages, and some unknown ones.
QUERY_NAMES = [
    "_facets",
    "_to_field",
    "age__gte",
    "cursor",
    "date_joined__gte",
    "e",
    "email__contains",
    "format",
    "groups__id__exact",
    "id__in",
    "kind",
    "limit",
    "name__regex",
    "o",
    "ordering",
    "p",
    "page",
    "page_size",
    "path_info",
    "q",
    "search",
    "user__password__startswith",
    "version",
]

# Bodies of API requests that JSON allows, but Python or a database cannot handle.
JSON_BODIES = [
    b"",
    b"\x00",
    b"\xff\xfe{}",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"1" * 100_000,
    b"[" * 100_000 + b"]" * 100_000,
    b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    b'{"name": NaN}',
    *(
        b'{"name": %s, "email": %s, "age": %s, "username": %s, "password": %s}' % (value, email, value, value, value)
        for value, email in [
            (b'"\\u0000"', b'"a@example.com"'),
            (b'"\\ud800"', b'"b@example.com"'),
            (b'"\\udfff\\ud800"', b'"\\ud800@example.com"'),
            (b'"a"', b'"\\u0000@example.com"'),
            (b'"%s"' % (b"x" * 300), b'"%s@example.com"' % (b"x" * 300)),
            (b'"%s"' % (b"x" * 100_000), b'"%s@example.com"' % (b"x" * 100_000)),
            (b"100000000000000000000", b'"c@example.com"'),
            (b"9" * 5000, b'"d@example.com"'),
            (b"-1", b'"e@example.com"'),
            (b"1e999", b'"f@example.com"'),
            (b"{}", b"[]"),
            (b"null", b"null"),
            (b"true", b"false"),
        ]
    ),
    b'{"\\u0000": 1, "\\ud800": 2}',
    b'{"name": "twice", "name": "thrice", "age": 1, "email": "g@example.com"}',
]

# Ids that are too large for a column, or invalid.
IDS = [
    "0",
    "-1",
    "99999999999999999999",
    "9" * 2000,
    "1.5",
    "%00",
    "1%00",
    "%ff",
    "_00",
    "..",
    "1%2f..",
    "None",
    "x" * 1000,
]

METHODS = ["HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "PROPFIND", "get", "X" * 30]

HEADERS = [
    b"Accept: */*;q=nan, \xff, ,;;",
    b"Accept: text/html;version=\x80" + b",a/b" * 900,
    b"Accept-Encoding: gzip;q=x, \xff",
    b"Accept-Language: " + b"x-" * 2000,
    b"Accept-Language: de;q=9999999999999999999, \xff, %00",
    b"Authorization: ",
    b"Authorization: Token",
    b"Authorization: Token \xff\xfe",
    b"Authorization: Token a b",
    b"Authorization: Token " + b"x" * 4000,
    b"Authorization: Basic \xff",
    b"Authorization: Bearer ====",
    b'Cookie: __Host-sessionid="\\000aaaaaaaaaaaa"',
    b"Cookie: __Host-sessionid=\xff\xfeaaaaaaaaaaaaaa",
    b"Cookie: __Host-sessionid=" + b"a" * 4000,
    b'Cookie: __Host-csrftoken="\\000"; messages="\\000"; django_language="\\000"',
    b"Cookie: __Host-csrftoken=" + b"x" * 64 + b"; messages=x:y:z",
    b'Cookie: ;;=;"=;,\\',
    b"If-Modified-Since: Mon, 99 Foo 99999999 99:99:99 GMT",
    b"If-None-Match: \xff",
    b"Range: bytes=99999999999999999999-1,-0,x",
    b"Referer: \xff\xfe",
    b"User-Agent: " + b"\xff" * 4000,
    b"X-CSRFToken: \xff",
    b"X-Forwarded-For: \xff, , 999.999.999.999, " + b"1, " * 500,
    b"X-Forwarded-Proto: https, \xff",
    b"X-Request-ID: " + b"\xff" * 1000,
]

FORM_BODIES = {
    b"application/x-www-form-urlencoded; charset=nonsense": b"a=1",
    b"application/x-www-form-urlencoded; charset=utf-16": b"\xff\xfea",
    b"application/x-www-form-urlencoded": b"&".join(b"f%d=1" % number for number in range(3000)),
    b"multipart/form-data": b"a=1",
    b"multipart/form-data; boundary=": b"--\r\n",
    b"multipart/form-data; boundary=\xff": b"--\xff\r\n",
    b"multipart/form-data; boundary=x": b'--x\r\nContent-Disposition: form-data; name="\x00\xff"\r\n\r\n\x00\r\n',
    b"multipart/form-data;  boundary=x": b"--x\r\nContent-Disposition: form-data\r\n\r\n--x--",
    b"multipart/form-data;boundary=x": b'--x\r\nContent-Disposition: form-data; name=f; filename="../\x00"\r\n'
    b"Content-Transfer-Encoding: base64\r\n\r\n=\r\n--x--\r\n",
    b"multipart/form-data; boundary=x;": b"".join(
        b"--x\r\nContent-Disposition: form-data; name=f%d; filename=f\r\n\r\n1\r\n" % number for number in range(500)
    ),
    b"text/xml": b"<a/>",
    b"\xff/\xff": b"\xff",
    b"": b"x",
    b"application/json": b"[" * 100_000,
}

# Invalid HTTP, which the server refuses before the project sees it.
MALFORMED = [
    b"POST /login/ HTTP/1.1\r\nHost: example.com\r\nContent-Length: -1\r\n\r\n",
    b"POST /login/ HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1e3\r\n\r\n",
    b"POST /login/ HTTP/1.1\r\nHost: example.com\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    b"POST /login/ HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /login/ HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n-1\r\n",
    b"GET /\x00 HTTP/1.1\r\nHost: example.com\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: example.com\r\nX: \x00\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: example.com\r\n: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: example.com\r\n" + b"X: y\r\n" * 2000 + b"\r\n",
    b"GET / HTTP/9.9\r\nHost: example.com\r\n\r\n",
    b"GET\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
]


@dataclass
class Request:
    """A request, as the proxy forwards it."""

    target: str
    method: str = "GET"
    headers: tuple[bytes, ...] = ()
    body: bytes = b""

    def as_bytes(self, *headers: bytes) -> bytes:
        """Return the bytes of the request, with additional headers."""
        lines = [
            f"{self.method} {self.target} HTTP/1.1".encode("latin-1"),
            b"Host: example.com",
            b"X-Forwarded-Proto: https",
            b"Connection: close",
            *self.headers,
            *headers,
        ]
        if self.body or self.method in ("POST", "PUT", "PATCH"):
            lines.append(b"Content-Length: %d" % len(self.body))
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


def to_list(path: str) -> Iterator[Request]:
    """Requests to a page with a list, a search, and filters."""
    for name in QUERY_NAMES:
        for value in VALUES:
            yield Request(f"{path}?{name}={value}")


def to_page(path: str) -> Iterator[Request]:
    """Requests to any page."""
    yield Request(f"{path}?next=%00&%00=%ff&&&=")
    yield Request(f"{path}?{'a=1&' * 900}")
    for method in METHODS:
        yield Request(path, method)
    for content_type, body in FORM_BODIES.items():
        yield Request(path, "POST", (b"Content-Type: " + content_type,), body)


def with_headers(path: str) -> Iterator[Request]:
    """Requests with meaningless headers."""
    for header in HEADERS:
        yield Request(path, headers=(header,))


def to_object(route: str) -> Iterator[Request]:
    """Requests to the page of an object, with impossible ids in place of the 1 in the route."""
    for number in IDS:
        yield Request(route.replace("/1/", f"/{number}/"))


# A valid value for each type of field.
GOOD: Mapping[str, str] = {
    "date": "2026-01-01",
    "email": "somebody@example.com",
    "number": "1",
    "password": "a quite different password",
}


def to_form(form: Form) -> Iterator[Request]:
    """A valid form with one hostile field at a time, and one with a wrong CSRF token."""
    good = {
        name: form.values.get(name) or GOOD.get(kind, "text")
        for name, kind in form.types.items()
        if name in form.values or kind not in ("checkbox", "radio", "button")
    }
    content_type = b"Content-Type: application/x-www-form-urlencoded"
    # Admin actions get a list of ids that Django trusts staff to send. The empty row that the page copies for new
    # rows is not read.
    for name in sorted(name for name in form.types if name != "_selected_action" and "__prefix__" not in name):
        rest = urlencode({other: value for other, value in good.items() if other != name})
        values = ["%00", "%ff", "x"] if name == "csrfmiddlewaretoken" else [*VALUES, *LONG_VALUES]
        for value in values:
            yield Request(form.action, "POST", (content_type,), f"{rest}&{quote(name)}={value}".encode())


def to_api(path: str) -> Iterator[Request]:
    """Requests to an endpoint that accepts JSON."""
    for method in ("POST", "PUT", "PATCH"):
        for body in JSON_BODIES:
            yield Request(path, method, (b"Content-Type: application/json",), body)
