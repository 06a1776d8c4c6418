"""How django-axes locks names after wrong passwords."""

from collections.abc import Mapping
from typing import Any

from asgiref.sync import sync_to_async
from axes.backends import AxesStandaloneBackend
from django.contrib.auth import get_user_model
from django.http import HttpRequest


class AxesBackend(AxesStandaloneBackend):
    """Adds the asynchronous method that the backend of django-axes lacks."""

    async def aauthenticate(self, request: HttpRequest, **credentials: Any) -> None:
        await sync_to_async(self.authenticate)(request, **credentials)


def get_username(request: HttpRequest | None, credentials: Mapping[str, str] | None) -> str | None:
    """Return the user name of a login, in lower case and cut to the 255 characters that axes can store."""
    given: Mapping[str, str] = credentials or (request.POST if request else {})
    username = given.get("username") or given.get(get_user_model().USERNAME_FIELD)
    return username.lower()[:255] if username else None
