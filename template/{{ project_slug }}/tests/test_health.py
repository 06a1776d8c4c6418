from threading import Event
from unittest import mock

from django.db import OperationalError
from django.test import AsyncClient, TestCase, override_settings

from .. import health


@override_settings(ALLOWED_HOSTS=[], SECURE_SSL_REDIRECT=True)
class HealthTests(TestCase):
    def test_answers_any_host_without_https(self) -> None:
        for path in health.PROBES:
            with self.subTest(path):
                response = self.client.get(path)

                self.assertContains(response, "ok")

    async def test_answers_asynchronously(self) -> None:
        for path in health.PROBES:
            with self.subTest(path):
                response = await AsyncClient().get(path)

                self.assertContains(response, "ok")

    def test_is_not_ready_without_a_database(self) -> None:
        gone = mock.Mock(**{"copy.side_effect": OperationalError("gone")})
        failure = mock.patch.object(health, "connection", gone)
        with failure, self.assertLogs(health.logger, "WARNING"):
            response = self.client.get("/readyz")

        self.assertContains(response, "database unavailable", status_code=503)

    def test_is_not_ready_while_the_database_is_silent(self) -> None:
        answer = Event()
        self.addCleanup(answer.set)
        silent = mock.Mock(**{"copy.side_effect": lambda alias: answer.wait()})
        failure = mock.patch.multiple(health, connection=silent, TIMEOUT=0.01)
        with failure, self.assertLogs(health.logger, "WARNING"):
            response = self.client.get("/readyz")
            # Also when every probe waits: they do not pile up.
            self.client.get("/readyz")
            last = self.client.get("/readyz")

        self.assertContains(response, "database unavailable", status_code=503)
        self.assertContains(last, "database unavailable", status_code=503)
        self.assertEqual(silent.copy.call_count, health.AT_ONCE)


@override_settings(SECURE_SSL_REDIRECT=True)
class OtherPagesTests(TestCase):
    def test_need_https(self) -> None:
        response = self.client.get("/")

        self.assertRedirects(response, "https://testserver/", 301, fetch_redirect_response=False)

    async def test_need_https_asynchronously(self) -> None:
        response = await AsyncClient().get("/")

        self.assertRedirects(response, "https://testserver/", 301, fetch_redirect_response=False)
