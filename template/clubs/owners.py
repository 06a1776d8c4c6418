"""The owner of a club has the object permissions for it. Others can be given them too, in the admin."""

from typing import Any

from django.apps import apps as installed
from django.db.models import CharField, Exists, OuterRef
from django.db.models.functions import Cast
from guardian.models import GroupObjectPermission, UserObjectPermission
from guardian.shortcuts import assign_perm, remove_perm

from .models import Club

PERMISSIONS = ["change_club", "delete_club"]


def grant(sender: type[Club], instance: Club, raw: bool = False, **kwargs: Any) -> None:
    if not raw:
        for permission in PERMISSIONS:
            assign_perm(permission, instance.owner, instance)


def take_from_former_owner(sender: type[Club], instance: Club, **kwargs: Any) -> None:
    former = Club.objects.filter(pk=instance.pk).exclude(owner=instance.owner_id).first()
    if former:
        for permission in PERMISSIONS:
            remove_perm(permission, former.owner, former)


def forget(sender: type[Club], instance: Club, **kwargs: Any) -> None:
    """Delete the permissions for a club that is gone: no foreign key does."""
    of_club = {
        "content_type__app_label": "clubs",
        "content_type__model": "club",
        "object_pk": str(instance.pk),
    }
    UserObjectPermission.objects.filter(**of_club).delete()
    GroupObjectPermission.objects.filter(**of_club).delete()


def grant_to_all_owners(sender: Any, apps: Any = installed, **kwargs: Any) -> None:
    """After migrate, give the owners of clubs what they lack: of clubs older than this module."""
    try:
        apps.get_model("clubs", "Club")
        apps.get_model("guardian", "UserObjectPermission")
    except LookupError:
        return  # one of the two has no table now
    granted = UserObjectPermission.objects.filter(
        content_type__app_label="clubs",
        permission__codename="change_club",
        object_pk=Cast(OuterRef("pk"), CharField()),
        user=OuterRef("owner"),
    )
    for club in Club.objects.exclude(Exists(granted)).select_related("owner"):
        grant(Club, club)
