from django.core.management import call_command
from django.test import TestCase, override_settings

from ..cache_checks import check_cache_tables

BACKEND = "django.core.cache.backends.db.DatabaseCache"


@override_settings(CACHES={"default": {"BACKEND": BACKEND, "LOCATION": "counters"}})
class CacheTableTests(TestCase):
    def test_names_a_cache_without_a_table_until_there_is_one(self) -> None:
        before = check_cache_tables(["default"])
        call_command("createcachetable", verbosity=0)

        self.assertEqual([warning.id for warning in before], ["cache.W001"])
        self.assertEqual(check_cache_tables(["default"]), [])

    def test_needs_no_database_in_other_checks(self) -> None:
        self.assertEqual(check_cache_tables(None), [])
