"""The API's tokens in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from knox.admin import AuthTokenAdmin
from knox.models import AuthToken
from knox.settings import knox_settings

admin.site.unregister(AuthToken)


@admin.register(AuthToken)
class TokenAdmin(AuthTokenAdmin):
    """Shows a new token once. Later, tokens can only be ended: their first characters tell them apart."""

    list_display = ("token_key", "user", "created", "expiry")
    search_fields = ("token_key", *AuthTokenAdmin.search_fields[2:])

    def get_object(self, request: HttpRequest, object_id: str, *args: Any) -> Any:
        """Return the token. Databases fail on NUL, which this text key does not refuse itself."""
        return None if "\0" in object_id else super().get_object(request, object_id, *args)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["token_key", "user", "created", "expiry"] if obj else ["user", "expiry"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["token_key", "user", "created"] if obj else []

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        lifetime = knox_settings.TOKEN_TTL
        given: dict[str, Any] = super().get_changeform_initial_data(request)
        return {"expiry": timezone.now() + lifetime} | given if lifetime else given
