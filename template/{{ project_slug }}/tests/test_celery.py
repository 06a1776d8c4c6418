from celery.signals import before_task_publish, task_prerun
from django.core.exceptions import ImproperlyConfigured
from django.test import SimpleTestCase

from .. import celery_app
from ..logs import NO_REQUEST, request_id
from ..settings.redis import redis_url


class CeleryAppTests(SimpleTestCase):
    def test_settings_win_over_the_defaults(self) -> None:
        self.assertTrue(celery_app.conf.task_acks_late)
        self.assertTrue(celery_app.conf.task_eager_propagates)

    def test_schedule_names_tasks_that_exist(self) -> None:
        celery_app.autodiscover_tasks(force=True)

        for entry in celery_app.conf.beat_schedule.values():
            self.assertIn(entry["task"], celery_app.tasks)


class RequestIdTests(SimpleTestCase):
    def setUp(self) -> None:
        token = request_id.set("the-request")
        self.addCleanup(request_id.reset, token)
        self.task = celery_app.tasks["celery.accumulate"]

    def test_a_task_takes_the_id_of_the_request_that_sent_it(self) -> None:
        headers: dict[str, str] = {}
        before_task_publish.send(None, headers=headers)
        request_id.set(NO_REQUEST)
        self.task.push_request(**headers)
        self.addCleanup(self.task.pop_request)

        task_prerun.send(self.task, task=self.task)

        self.assertEqual(request_id.get(), "the-request")

    def test_an_eager_task_keeps_the_id(self) -> None:
        task_prerun.send(self.task, task=self.task)

        self.assertEqual(request_id.get(), "the-request")


class RedisUrlTests(SimpleTestCase):
    def test_says_how_to_verify_certificates(self) -> None:
        url = "rediss://user:p%40ss@[::1]:6380/1"
        for given, read in {
            "": "",
            "redis://localhost:6379/0": "redis://localhost:6379/0",
            url: f"{url}?ssl_cert_reqs=required",
            f"{url}?ssl_cert_reqs=CERT_REQUIRED": f"{url}?ssl_cert_reqs=required",
            f"{url}?ssl_cert_reqs=Optional": f"{url}?ssl_cert_reqs=optional",
            f"{url}?ssl_cert_reqs=CERT_NONE": f"{url}?ssl_cert_reqs=none",
            f"{url}?ssl_ca_certs={__file__}": (
                f"{url}?ssl_cert_reqs=required&ssl_ca_certs={__file__}"
            ),
        }.items():
            with self.subTest(given):
                self.assertEqual(redis_url(given), read)

    def test_names_invalid_urls(self) -> None:
        for url, reason in {
            "localhost:6379": "it has to look like redis://localhost/0.",
            "unix:///run/redis.sock": "it has to look like redis://localhost/0.",
            "redis://:s3cret/1@localhost": "it has to look like redis://localhost/0.",
            "redis://:s3cret;@localhost": "it has to look like redis://localhost/0.",
            "redis://:s3cret#@localhost": "it has to look like redis://localhost/0.",
            "redis://localhost/first": "it has to look like redis://localhost/0.",
            "redis://localhost/0/": "it has to look like redis://localhost/0.",
            "redis://a,redis://b": "it has to look like redis://localhost/0.",
            "redis://localhost:70000": "its port has to be a number up to 65535.",
            "redis://localhost?db=1": "its option db is unknown: ",
            "rediss://localhost?ssl_cert_reqs=maybe": "its option ssl_cert_reqs has to be ",
            "rediss://localhost?ssl_cert_reqs=": "its option ssl_cert_reqs has to be ",
            "rediss://localhost?ssl_ca_certs=/not/there": "its option ssl_ca_certs has to name ",
            "redis://localhost?ssl_cert_reqs=none": "its option ssl_cert_reqs needs a URL ",
        }.items():
            with self.subTest(url), self.assertRaises(ImproperlyConfigured) as raised:
                redis_url(url)
            self.assertIn(f"REDIS_URL cannot be used: {reason}", str(raised.exception))
            self.assertNotIn("s3cret", str(raised.exception))
