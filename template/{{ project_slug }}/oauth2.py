"""OAuth 2: other programs use the API, for a user who agrees or for a user of their own.

Whose tokens open it, and what for. oauth2_views.py has the pages, oauth2_admin.py the admin.
"""

from typing import Any
from urllib.parse import quote

from django.db import transaction
from drf_spectacular.contrib.django_oauth_toolkit import DjangoOAuthToolkitScheme
from oauth2_provider.contrib.rest_framework import authentication
from oauth2_provider.models import RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request as OAuth2Request
from oauthlib.oauth2 import InvalidGrantError
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request


def scope_for(method: str | None) -> str:
    """Return the scope that a request to the API needs."""
    return "read" if method in SAFE_METHODS else "write"


class Validator(OAuth2Validator):
    """Gives tokens to active users only, and knows their tokens as long as they are."""

    def validate_code(self, client_id: str, code: str, client: Any, request: OAuth2Request) -> bool:
        return super().validate_code(client_id, code, client, request) and request.user.is_active

    def validate_refresh_token(
        self, refresh_token: str, client: Any, request: OAuth2Request
    ) -> bool:
        valid: bool = super().validate_refresh_token(refresh_token, client, request)
        return valid and request.user.is_active

    def validate_bearer_token(self, token: str, scopes: list[str], request: OAuth2Request) -> bool:
        """Say whether a token is valid. A program that acts for itself is the user it belongs to."""
        if not super().validate_bearer_token(token, scopes, request):
            return False
        request.user = request.user or getattr(request.client, "user", None)
        if request.user and request.user.is_active:
            return True
        request.oauth2_error = {"error": "invalid_token"}
        return False

    def save_bearer_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Save tokens; of several refreshes at once, only the first gets them."""
        with transaction.atomic():
            used = getattr(request, "refresh_token_instance", None)
            if used and RefreshToken.objects.select_for_update().get(pk=used.pk).revoked:
                raise InvalidGrantError(request=request)
            super().save_bearer_token(token, request)


class InsufficientScope(PermissionDenied):
    """Says in a header, as RFC 6750 wants it, that nothing but the scope is missing."""

    def __init__(self, scope: str, auth_header: str) -> None:
        super().__init__(f"The token lacks the scope {scope}.")
        self.auth_header = auth_header


class OAuth2Authentication(authentication.OAuth2Authentication):
    """A token opens the whole API: with the scope read to read, with write to do anything else."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        # Without the body, which is not read before it is known who sends it.
        asked = OAuth2Request(request.build_absolute_uri(quote(request.path)))
        scope = scope_for(request.method)
        if Validator().validate_bearer_token(token.strip(), [scope], asked):
            return asked.user, asked.access_token
        error = getattr(asked, "oauth2_error", {"error": "invalid_token"})
        request.oauth2_error = error  # type: ignore[attr-defined]
        if error["error"] == "insufficient_scope":
            raise InsufficientScope(scope, self.authenticate_header(request))
        raise AuthenticationFailed("The token is not valid.")


class OAuth2Scheme(DjangoOAuthToolkitScheme):
    """Describes it in the OpenAPI schema."""

    target_class = OAuth2Authentication  # type: ignore[assignment]

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[str]]:
        return {self.name: [scope_for(auto_schema.method)]}
