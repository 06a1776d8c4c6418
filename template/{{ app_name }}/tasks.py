"""What the Celery worker does."""

from celery import shared_task
from django.core.management import call_command


@shared_task
def clear_expired_sessions() -> None:
    """Delete the sessions that have ended; Django itself leaves them in the database."""
    call_command("clearsessions")
