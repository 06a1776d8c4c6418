"""Create the group Editors, whose members may add, change and delete people and clubs.

An existing group of that name stays unchanged, because its members were not chosen for this.
"""

from django.db import migrations, router

PERMISSIONS = [
    (app, model, action)
    for app, model in [("people", "person"), ("clubs", "club")]
    for action in ["add", "change", "delete"]
]


def make_group(apps, schema_editor):
    """Create the group and its permissions, which Django creates only after all migrations."""
    using = schema_editor.connection.alias
    if not router.allow_migrate(using, "auth"):
        return
    group, is_new = apps.get_model("auth", "Group").objects.using(using).get_or_create(name="Editors")
    if is_new:
        group.permissions.set(permissions(apps, using))


def permissions(apps, using):
    types = apps.get_model("contenttypes", "ContentType").objects.using(using)
    made = apps.get_model("auth", "Permission").objects.using(using)
    found = []
    for app, model, action in PERMISSIONS:
        content_type, _ = types.get_or_create(app_label=app, model=model)
        permission, _ = made.get_or_create(
            content_type=content_type,
            codename=f"{action}_{model}",
            defaults={"name": f"Can {action} {model}"},
        )
        found.append(permission)
    return found


def delete_group(apps, schema_editor):
    """Delete the group, unless it has members, or its permissions have been changed."""
    using = schema_editor.connection.alias
    group = apps.get_model("auth", "Group").objects.using(using).filter(name="Editors").first()
    if group and not group.user_set.exists():
        if set(group.permissions.all()) == set(permissions(apps, using)):
            group.delete()


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("clubs", "0001_initial"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("people", "0001_initial"),
    ]

    operations = [migrations.RunPython(make_group, delete_group)]
