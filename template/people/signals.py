from functools import partial

from django.db import transaction

from .models import Person
from .tasks import send_welcome_mail


def welcome(
    sender: type[Person], instance: Person, created: bool, raw: bool, **kwargs: object
) -> None:
    """Have a new person welcomed, once the database has them for good; not those of a fixture.

    Robust: a broker that is away is logged and costs the mail, not the request.
    """
    if created and not raw:
        transaction.on_commit(partial(send_welcome_mail.delay, instance.pk), robust=True)
