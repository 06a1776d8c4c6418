from celery.signals import before_task_publish, task_prerun
from django.test import SimpleTestCase

from .. import celery_app
from ..logs import NO_REQUEST, request_id


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
