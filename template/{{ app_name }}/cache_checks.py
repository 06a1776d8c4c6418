from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.core.cache.backends.db import BaseDatabaseCache
from django.core.checks import CheckMessage, Warning
from django.db import connections, router


def check_cache_tables(databases: Sequence[str] | None, **kwargs: Any) -> list[CheckMessage]:
    """Name caches whose table is missing. migrate runs this check, and so does check --database."""
    warnings: list[CheckMessage] = []
    for database in databases or []:
        tables = connections[database].introspection.table_names()
        for name, cache in settings.CACHES.items():
            backend = caches[name]
            if (
                isinstance(backend, BaseDatabaseCache)
                and router.allow_migrate_model(database, backend.cache_model_class)
                and cache["LOCATION"] not in tables
            ):
                message = f"The cache {name} has no table: pages that use it fail."
                hint = "Run manage.py createcachetable."
                warnings.append(Warning(message, hint=hint, id="cache.W001"))
    return warnings
