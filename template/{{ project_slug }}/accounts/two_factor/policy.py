"""Which users have, and which users need, a second factor."""

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

# Recovery codes only replace a lost factor: allauth does not ask for them if they are all you have.
FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]


def has_second_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    return is_mfa_enabled(user, FACTORS)


def must_have_second_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    return settings.STAFF_NEED_TWO_FACTOR and (
        getattr(user, "is_staff", False) or getattr(user, "is_superuser", False)
    )


def lacks_second_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    return must_have_second_factor(user) and not has_second_factor(user)


def needs_second_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Return whether a password alone is not enough for this user."""
    return must_have_second_factor(user) or has_second_factor(user)
