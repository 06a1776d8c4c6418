import logging
from importlib import import_module

from django.apps import apps as installed
from django.apps.registry import Apps
from django.db import connections, models

logger = logging.getLogger(__name__)


def log_deletion(sender: type[models.Model], instance: models.Model, **kwargs: object) -> None:
    """Log each deletion: on pages, in the admin, by a cascade, or in the shell."""
    logger.info("Deleted: %s %s", sender._meta.label, instance.pk)


def restore_editors(using: str, apps: Apps = installed, **kwargs: object) -> None:
    """Create the group Editors again after flush, which ends each TransactionTestCase, too.

    Then the app has no permissions yet. Otherwise, a group that was renamed or deleted stays so.
    """
    try:
        permissions = apps.get_model("auth", "Permission").objects.using(using)
        apps.get_model("clubs", "Club")
    except LookupError:
        return  # not migrated yet
    if not permissions.filter(content_type__app_label="clubs").exists():
        migration = import_module("clubs.migrations.0002_editors")
        migration.make_group(apps, connections[using].schema_editor())
