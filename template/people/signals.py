from functools import partial

from django.db import transaction

from .models import Person
from .tasks import send_welcome_mail


def welcome(
    sender: type[Person], instance: Person, created: bool, raw: bool, **kwargs: object
) -> None:
    """Send a new person a welcome mail after the transaction commits, unless a fixture is loaded.

    import_people sends none: bulk_create() sends no signals.
    robust=True logs an error of the broker. The request then succeeds, but the mail is not sent.
    """
    if created and not raw:
        transaction.on_commit(partial(send_welcome_mail.delay, instance.pk), robust=True)
