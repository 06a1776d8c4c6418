from unittest import mock

from django.core import mail
from django.test import TestCase, TransactionTestCase
from kombu.exceptions import OperationalError

from ..models import Person
from ..tasks import send_welcome_mail


class WelcomeMailTests(TestCase):
    def test_a_new_person_is_welcomed_once_after_commit(self) -> None:
        with self.captureOnCommitCallbacks(execute=True):
            person = Person.objects.create(name="Ada", age=36, email="ada@example.com")
            self.assertEqual(mail.outbox, [])
        with self.captureOnCommitCallbacks(execute=True):
            person.save()

        self.assertEqual([message.to for message in mail.outbox], [["ada@example.com"]])
        self.assertIn("Hello Ada", mail.outbox[0].body)

    def test_a_deleted_person_gets_no_mail(self) -> None:
        send_welcome_mail.delay(0)

        self.assertEqual(mail.outbox, [])


class BrokerTests(TransactionTestCase):
    def test_the_request_succeeds_when_the_broker_fails(self) -> None:
        failure = mock.patch.object(send_welcome_mail, "delay", side_effect=OperationalError)
        with failure, self.assertLogs("django.db.backends.base", "ERROR"):
            Person.objects.create(name="Ada", age=36, email="ada@example.com")

        self.assertTrue(Person.objects.exists())
