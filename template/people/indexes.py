"""Indexes for the orders of lists, which make a list of a million people as fast as a short one.

migrate makes them after all migrations, so that your own migrations can follow the first one.
"""

from typing import Any

from django.apps.registry import Apps
from django.apps.registry import apps as installed
from django.db import connections, router
from django.db.migrations import Migration
from django.db.models import Index

INDEXES = [
    Index(fields=["name", "id"], name="people_person_name_id"),
    Index(fields=["age", "id"], name="people_person_age_id"),
]


def made(using: str, table: str) -> set[str]:
    with connections[using].cursor() as cursor:
        return {*connections[using].introspection.get_constraints(cursor, table)}


def make_indexes(using: str, apps: Apps = installed, **kwargs: Any) -> None:
    """Make the indexes that do not exist."""
    try:
        person = apps.get_model("people", "Person")
    except LookupError:  # not migrated yet
        return
    if router.allow_migrate_model(using, person):
        for index in INDEXES:
            if index.name not in made(using, person._meta.db_table):
                connections[using].schema_editor().add_index(person, index)


def drop_indexes(using: str, plan: list[tuple[Migration, bool]], **kwargs: Any) -> None:
    """Drop the indexes before migrations of people: SQLite cannot remove a column that has one."""
    if connections[using].vendor != "sqlite" or not any(
        migration.app_label == "people" for migration, _ in plan
    ):
        return
    person = installed.get_model("people", "Person")
    for index in INDEXES:
        if index.name in made(using, person._meta.db_table):
            with connections[using].schema_editor() as editor:
                editor.remove_index(person, index)
