"""How django-axes, which locks names after wrong passwords, sees logins."""

from collections.abc import Mapping
from typing import Any

from asgiref.sync import sync_to_async
from axes.backends import AxesStandaloneBackend
from django.contrib.auth import get_user_model
from django.http import HttpRequest


class AxesBackend(AxesStandaloneBackend):
    """The backend of axes, for asynchronous logins too."""

    async def aauthenticate(self, request: HttpRequest, **credentials: Any) -> None:
        await sync_to_async(self.authenticate)(request, **credentials)


def axes_username(request: HttpRequest | None, credentials: Mapping[str, str] | None) -> str | None:
    """Return the name that a login was tried with, as axes can store it.

    Names that differ only in case count as one; 255 characters is what the column of axes holds.
    """
    given: Mapping[str, str] = credentials or (request.POST if request else {})
    username = given.get("username") or given.get(get_user_model().USERNAME_FIELD)
    return username.lower()[:255] if username else None
