"""The bearer tokens of OAuth 2 as a way to authenticate at the API."""

from typing import Any
from urllib.parse import quote

from drf_spectacular.contrib.django_oauth_toolkit import DjangoOAuthToolkitScheme
from oauth2_provider.contrib.rest_framework import authentication
from oauthlib.common import Request as OAuth2Request
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from .validators import Validator


def scope_for(method: str | None) -> str:
    """Return the scope that a request to the API needs."""
    return "read" if method in SAFE_METHODS else "write"


class InsufficientScope(PermissionDenied):
    """Sends the header that RFC 6750 requires when only the scope is missing."""

    def __init__(self, scope: str, auth_header: str) -> None:
        super().__init__(f"The token lacks the scope {scope}.")
        self.auth_header = auth_header


class OAuth2Authentication(authentication.OAuth2Authentication):
    """With the scope read, a token may read the whole API; with write, it may do everything else."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        # Without the body: it is read only once the sender is known.
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
    """Describes OAuth2Authentication in the OpenAPI schema."""

    target_class = OAuth2Authentication  # type: ignore[assignment]

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[str]]:
        return {self.name: [scope_for(auto_schema.method)]}
