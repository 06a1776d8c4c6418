"""The owner of a club has the object permissions for it. assign_perm gives them to others, too."""

from typing import Any

from django.apps import apps as installed
from django.db import DEFAULT_DB_ALIAS, router
from django.db.models import CharField, Exists, OuterRef
from django.db.models.functions import Cast
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import assign_perm, remove_perm

from .models import Club

PERMISSIONS = ["change_club", "delete_club"]


def note_former_owner(sender: type[Club], instance: Club, **kwargs: Any) -> None:
    """Before a club is saved, look whether it gets another owner."""
    former = Club.objects.filter(pk=instance.pk).exclude(owner=instance.owner_id).first()
    vars(instance)["former_owner"] = former.owner if former else None


def pass_on(
    sender: type[Club], instance: Club, created: bool, raw: bool = False, **kwargs: Any
) -> None:
    """Give the owner of a new club the permissions, or those of the former owner."""
    former = vars(instance).pop("former_owner", None)
    for permission in PERMISSIONS if former else []:
        remove_perm(permission, former, instance)
    if (created or former) and not raw:
        give(instance)


def give(club: Club) -> None:
    for permission in PERMISSIONS:
        assign_perm(permission, club.owner, club)


def forget(sender: type[Club], instance: Club, **kwargs: Any) -> None:
    """Delete the permissions for a club that is gone: no foreign key does."""
    of_club = {
        "content_type__app_label": "clubs",
        "content_type__model": "club",
        "object_pk": str(instance.pk),
    }
    UserObjectPermission.objects.filter(**of_club).delete()
    GroupObjectPermission.objects.filter(**of_club).delete()


def give_to_all_owners(
    sender: Any, apps: Any = installed, using: str = DEFAULT_DB_ALIAS, **kwargs: Any
) -> None:
    """After migrate, give the owners of clubs what they lack: of clubs older than this module."""
    try:
        apps.get_model("clubs", "Club")
        apps.get_model("guardian", "UserObjectPermission")
    except LookupError:
        return  # one of the two has no table now
    if using != router.db_for_write(Club):
        return
    granted = UserObjectPermission.objects.filter(
        content_type__app_label="clubs",
        permission__codename="change_club",
        object_pk=Cast(OuterRef("pk"), CharField()),
        user=OuterRef("owner"),
    )
    for club in Club.objects.exclude(Exists(granted)).select_related("owner"):
        give(club)
