"""Keeps the tokens that exist already.

Those of rest_framework.authtoken, which stored them readably and for ever, move to knox. They work
until the lifetime of a new token has passed.
"""

from hashlib import sha256
from itertools import batched

from django.conf import settings
from django.db import migrations
from django.utils import timezone


def stamp_users(apps, schema_editor):
    user_model = apps.get_model(settings.AUTH_USER_MODEL)
    stamp_model = apps.get_model("token_stamps", "TokenStamp")
    database = schema_editor.connection.alias
    users = user_model._base_manager.using(database)
    passwords = users.values_list("pk", "password").iterator()
    for batch in batched(passwords, 1000):
        stamps = [
            stamp_model(user_id=pk, fingerprint=sha256(password.encode()).hexdigest())
            for pk, password in batch
        ]
        stamp_model.objects.using(database).bulk_create(stamps, ignore_conflicts=True)


def move_tokens(apps, schema_editor):
    from knox.crypto import hash_token
    from knox.settings import CONSTANTS, knox_settings

    connection = schema_editor.connection
    if "authtoken_token" not in connection.introspection.table_names():
        return
    if "rest_framework.authtoken" in settings.INSTALLED_APPS:  # the project uses it itself
        return
    tokens = apps.get_model("knox", "AuthToken").objects.using(connection.alias)
    lifetime = knox_settings.TOKEN_TTL
    expiry = timezone.now() + lifetime if lifetime else None
    with connection.cursor() as cursor:
        cursor.execute("SELECT user_id, key FROM authtoken_token")
        for user_id, key in cursor.fetchall():
            tokens.update_or_create(
                digest=hash_token(key),
                defaults={
                    "expiry": expiry,
                    "token_key": key[: CONSTANTS.TOKEN_KEY_LENGTH],
                    "user_id": user_id,
                },
            )
        cursor.execute("DELETE FROM authtoken_token")


def delete_tokens(apps, schema_editor):
    """Empty the table: the older migrations of knox cannot be undone with rows in it."""
    database = schema_editor.connection.alias
    apps.get_model("knox", "AuthToken").objects.using(database).all().delete()


class Migration(migrations.Migration):
    dependencies = [
        ("token_stamps", "0001_initial"),
        ("knox", "0009_extend_authtoken_field"),
    ]

    operations = [
        migrations.RunPython(stamp_users, migrations.RunPython.noop),
        migrations.RunPython(move_tokens, delete_tokens),
    ]
