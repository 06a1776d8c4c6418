from collections.abc import Iterable

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory, SimpleTestCase, TestCase, override_settings
from django.urls import reverse

from ..middleware import ClientMiddleware, RequestIdMiddleware, parse_address

PROXY, CLIENT = "192.0.2.1", "198.51.100.7"


@override_settings(
    FORWARDED_ALLOW_IPS=["192.0.2.0/24"],
    NUM_PROXIES=1,
    SECURE_PROXY_SSL_HEADER=("HTTP_X_FORWARDED_PROTO", "https"),
)
class ClientTests(SimpleTestCase):
    def seen(self, peer: str = PROXY, **headers: str) -> HttpRequest:
        """Return the request of a peer as views see it."""
        seen: list[HttpRequest] = []

        def view(request: HttpRequest) -> HttpResponse:
            seen.append(request)
            return HttpResponse()

        given = {name.replace("_", "-"): value for name, value in headers.items()}
        ClientMiddleware(view)(RequestFactory().get("/", headers=given, REMOTE_ADDR=peer))
        return seen[0]

    def addresses(self, entries: str, counts: Iterable[int] = range(4)) -> list[str]:
        """Return the address of the client for each number of proxies."""
        found = []
        for number in counts:
            with override_settings(NUM_PROXIES=number):
                found.append(self.seen(x_forwarded_for=entries).META["REMOTE_ADDR"])
        return found

    def test_every_form_of_an_address(self) -> None:
        for expected, forms in {
            "203.0.113.9": [
                "203.0.113.9",
                " 203.0.113.9\t",
                "203.0.113.9:5678",
                "::ffff:203.0.113.9",
                "::FFFF:CB00:7109",
                "[::ffff:203.0.113.9]:443",
            ],
            "2001:db8::1": [
                "2001:db8::1",
                "2001:DB8:0:0::0001",
                "[2001:db8::1]",
                "[2001:db8::1]:443",
            ],
            "fe80::1": ["fe80::1%eth0", "[fe80::1%25eth0]:443"],
        }.items():
            for form in forms:
                with self.subTest(form):
                    self.assertEqual(self.addresses(form, [1]), [expected])
                    self.assertEqual(self.seen(peer=form).META["REMOTE_ADDR"], expected)

    def test_what_is_no_address_leaves_that_of_the_proxy(self) -> None:
        for entry in [
            "",
            " ",
            ", ,",
            "unknown",
            "_hidden",
            "localhost",
            'for="[::1]:80"',
            "[203.0.113.9",
            "203.0.113.9]",
            "203.0.113.9:port",
            "203.0.113.9/32",
            "203.0.113",
            "203.0.113.256",
            "203.0.113.09",
            "2001:db8::1::2",
            "[]",
            "%eth0",
            "3405803785",
            "٢٠٣.0.113.9",
            "\0",
            "1" * 10_000,
            "[" * 10_000,
        ]:
            with self.subTest(entry[:20]):
                self.assertIsNone(parse_address(entry))
                self.assertEqual(self.addresses(entry), [PROXY] * 4)

    def test_a_client_cannot_choose_its_address(self) -> None:
        entries = f"203.0.113.1, 203.0.113.2,{CLIENT}"

        self.assertEqual(
            self.addresses(entries, range(5)),
            [PROXY, CLIENT, "203.0.113.2", "203.0.113.1", "203.0.113.1"],
        )
        self.assertEqual(self.addresses(f"unknown, {CLIENT}:80,", [1, 2]), [CLIENT, CLIENT])
        self.assertEqual(self.addresses("203.0.113.1, unknown", [1, 2]), [PROXY, "203.0.113.1"])

    def test_other_peers_are_not_believed(self) -> None:
        headers = {"x_forwarded_for": "203.0.113.1", "x_forwarded_proto": "https"}
        for peer in [CLIENT, "2001:db8::1", "::ffff:198.51.100.7"]:
            request = self.seen(peer, **headers)

            self.assertEqual(request.META["REMOTE_ADDR"], peer.removeprefix("::ffff:"))
            self.assertFalse(request.is_secure())
        # Peers on a Unix socket have no address.
        for peer in ["", "localhost", "::ffff:192.0.2.1"]:
            request = self.seen(peer, **headers)

            self.assertEqual(request.META["REMOTE_ADDR"], "203.0.113.1")
            self.assertTrue(request.is_secure())
        with override_settings(FORWARDED_ALLOW_IPS=[" * "]):
            self.assertTrue(self.seen(CLIENT, **headers).is_secure())
        with override_settings(FORWARDED_ALLOW_IPS=[]):
            self.assertFalse(self.seen(**headers).is_secure())

    def test_no_other_code_reads_the_header(self) -> None:
        request = self.seen(x_forwarded_for=CLIENT)

        self.assertNotIn("X-Forwarded-For", request.headers)

    def test_only_x_forwarded_proto_says_whether_it_is_https(self) -> None:
        for value in ["https", "HTTPS", " https ", "https, http", "https,https", ", https", "wss"]:
            with self.subTest(value):
                self.assertTrue(self.seen(x_forwarded_proto=value).is_secure())
        for value in ["", "http", "http, https", "https:", "on", "ssl", "ws", "\0"]:
            with self.subTest(value):
                self.assertFalse(self.seen(x_forwarded_proto=value).is_secure())
        others = {
            "forwarded": "for=203.0.113.1;proto=https",
            "x_forwarded_protocol": "ssl",
            "x_forwarded_ssl": "on",
            "x_real_ip": "203.0.113.1",
        }
        request = self.seen(**others)
        self.assertFalse(request.is_secure())
        self.assertEqual(request.META["REMOTE_ADDR"], PROXY)
        self.assertTrue(self.seen(**others, x_forwarded_proto="https").is_secure())

    def test_names_a_variable_that_contains_no_networks(self) -> None:
        for value in ["proxy", "10.0.0.0/99", ""]:
            with (
                override_settings(FORWARDED_ALLOW_IPS=[value]),
                self.assertRaisesMessage(ImproperlyConfigured, "FORWARDED_ALLOW_IPS cannot be "),
            ):
                ClientMiddleware(lambda request: HttpResponse())


class RefusalTests(TestCase):
    def test_nul_characters_are_refused(self) -> None:
        self.assertEqual(self.client.get("/?q=a%00b").status_code, 400)
        response = self.client.get("/", headers={"cookie": r'name="\000"'})

        self.assertEqual(response.status_code, 400)

    async def test_works_asynchronously(self) -> None:
        self.assertEqual((await self.async_client.get("/?q=%00")).status_code, 400)
        self.assertEqual((await self.async_client.get("/")).status_code, 200)

    def test_pages_get_no_access_to_devices(self) -> None:
        self.assertIn("camera=()", self.client.get("/")["Permissions-Policy"])

    def test_the_response_to_head_keeps_its_headers_without_its_body(self) -> None:
        # Not self.client, which removes the body itself.
        request = RequestFactory().head("/")
        middleware = RequestIdMiddleware(lambda request: HttpResponse())
        middleware.process_request(request)
        response = HttpResponse("body", headers={"Content-Length": "4"})

        response = middleware.process_response(request, response)

        self.assertEqual((response.content, response["Content-Length"]), (b"", "4"))

    def test_a_broken_form_gets_an_error_page(self) -> None:
        client = Client(enforce_csrf_checks=True)
        client.get(reverse("login"))  # gives a CSRF cookie, so that the form is looked at
        broken = ["multipart/form-data", "application/x-www-form-urlencoded; charset=utf-16"]
        for content_type in broken:
            with self.subTest(content_type):
                response = client.post("/nothing/", b"x", content_type=content_type)

                self.assertContains(response, "Page not found", status_code=404)
