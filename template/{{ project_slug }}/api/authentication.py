"""The API's own tokens as a way to authenticate."""

from typing import Any

from django.db.models import OuterRef, Subquery
from django.utils import timezone
from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from knox import auth
from knox.crypto import hash_token
from knox.models import AuthToken
from knox.settings import knox_settings
from knox.signals import token_expired
from rest_framework.exceptions import AuthenticationFailed

from .models import TokenStamp
from .tokens import refusal

# A token, its user, and the user's stamp. django-rest-knox and tokens.py would need three queries.
STAMP = TokenStamp.objects.filter(user=OuterRef("user")).values("fingerprint")
TOKENS = AuthToken.objects.select_related("user").annotate(stamp=Subquery(STAMP))


class TokenAuthentication(auth.TokenAuthentication):
    """Accepts the tokens of django-rest-knox while tokens.py does."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        try:
            found = TOKENS.get(digest=hash_token(token.decode()))
        except (AuthToken.DoesNotExist, UnicodeDecodeError) as error:
            raise AuthenticationFailed("Invalid token.") from error
        if found.expiry and found.expiry < timezone.now():
            found.delete()
            token_expired.send(type(self), username=found.user.get_username(), source="auth_token")
            raise AuthenticationFailed("Invalid token.")
        if found.expiry and knox_settings.AUTO_REFRESH:
            self.renew_token(found)
        user, found = self.validate_user(found)
        if reason := refusal(user, found.stamp):
            raise AuthenticationFailed(reason)
        return user, found


class TokenScheme(KnoxTokenScheme):
    """Describes TokenAuthentication in the OpenAPI schema."""

    target_class = TokenAuthentication  # type: ignore[assignment]
    name = "tokenAuth"
