"""Who gets a token for the API: whoever could log in with the same password."""

from typing import Any

from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.exceptions import ValidationError

from .adapters import has_to_verify


class TokenSerializer(AuthTokenSerializer):
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs = super().validate(attrs)
        if has_to_verify(attrs["user"]):
            raise ValidationError("Log in on the site first, to verify your email address.")
        return attrs
