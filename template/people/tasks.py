from celery import shared_task
from django.conf import settings
from django.core.mail import send_mail

from .models import Person


@shared_task(autoretry_for=(OSError,), retry_backoff=60, max_retries=5)
def send_welcome_mail(person_id: int) -> None:
    """Send a person a welcome mail, unless the person has been deleted.

    If the mail server fails, Celery tries again, for up to 25 minutes.
    """
    person = Person.objects.filter(pk=person_id).first()
    if person:
        send_mail(
            subject=f"Welcome to {settings.SITE['NAME']}",
            message=f"Hello {person.name},\n\nit is good to have you here.\n",
            from_email=None,
            recipient_list=[person.email],
        )
