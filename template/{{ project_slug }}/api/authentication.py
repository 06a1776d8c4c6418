"""The API's own tokens as a way to authenticate."""

from typing import Any

from django.db import DataError
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox import auth
from rest_framework.exceptions import AuthenticationFailed

from .tokens import refusal


class TokenAuthentication(auth.TokenAuthentication):
    """Accepts the tokens of django-rest-knox while tokens.py does."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        try:
            user, found = super().authenticate_credentials(token)
        except (DataError, ValueError) as error:  # for example, bytes that are not UTF-8
            raise AuthenticationFailed("Invalid token.") from error
        if reason := refusal(user):
            raise AuthenticationFailed(reason)
        return user, found


class TokenScheme(KnoxTokenScheme):
    """Describes TokenAuthentication in the OpenAPI schema."""

    target_class = TokenAuthentication  # type: ignore[assignment]
    name = "tokenAuth"
