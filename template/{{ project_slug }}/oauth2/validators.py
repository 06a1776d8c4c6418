from typing import Any

from django.db import transaction
from oauth2_provider.models import RefreshToken
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauthlib.common import Request as OAuth2Request
from oauthlib.oauth2 import InvalidGrantError

from ..api.tokens import refusal


class Validator(OAuth2Validator):
    """Issues and accepts tokens only while their user is active, and has the same password."""

    def validate_code(self, client_id: str, code: str, client: Any, request: OAuth2Request) -> bool:
        valid: bool = super().validate_code(client_id, code, client, request)
        return valid and not refusal(request.user)

    def validate_refresh_token(
        self, refresh_token: str, client: Any, request: OAuth2Request
    ) -> bool:
        valid: bool = super().validate_refresh_token(refresh_token, client, request)
        return valid and not refusal(request.user)

    def validate_bearer_token(self, token: str, scopes: list[str], request: OAuth2Request) -> bool:
        """Return whether a token is valid. A program that acts for itself acts as its owner."""
        if not super().validate_bearer_token(token, scopes, request):
            return False
        if request.user and not refusal(request.user):
            return True
        owner = getattr(request.client, "user", None)
        if not request.user and owner and owner.is_active:
            request.user = owner
            return True
        request.oauth2_error = {"error": "invalid_token"}
        return False

    def save_bearer_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Save tokens. Of several refreshes at the same time, only the first succeeds."""
        with transaction.atomic():
            used = getattr(request, "refresh_token_instance", None)
            if used and RefreshToken.objects.select_for_update().get(pk=used.pk).revoked:
                raise InvalidGrantError(request=request)
            super().save_bearer_token(token, request)
