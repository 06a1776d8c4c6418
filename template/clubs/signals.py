import logging

from django.db import models

logger = logging.getLogger(__name__)


def log_deletion(sender: type[models.Model], instance: models.Model, **kwargs: object) -> None:
    """Log each deletion: on pages, in the admin, by a cascade, or in the shell."""
    logger.info("Deleted: %s %s", sender._meta.label, instance.pk)
