"""Second factors: who needs one, and what they may do before they have it."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_used
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.auth.views import redirect_to_login
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext_lazy as _

from .adapters import PAGES

PAGES.append((_("Two-Factor Authentication"), "mfa_index"))

# Recovery codes replace a factor, they are none: allauth asks nobody for one who has only these.
FACTORS = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
USED = "second_factor_of"


def has_second_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    return is_mfa_enabled(user, FACTORS)


def is_obliged(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Say whether a user is staff that needs a second factor."""
    return settings.STAFF_NEED_TWO_FACTOR and getattr(user, "is_staff", False)


def needs_second_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Say whether a password alone is not enough for a user."""
    return is_obliged(user) or has_second_factor(user)


@receiver([authenticator_added, authenticator_used])
def remember(request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> None:
    """Keep in the session whose second factor it has seen."""
    request.session[USED] = str(user.pk)


class StaffMiddleware(MiddlewareMixin):
    """Leads staff that has to set up a second factor to where that is done, from any other page.

    A session from before the factor was set up, with a password alone, ends.
    """

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        if not is_obliged(request.user):
            return None
        if has_second_factor(request.user):
            if request.session.get(USED) == str(request.user.pk):
                return None
            logout(request)
            return redirect_to_login(request.get_full_path())
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name.startswith(("account_", "mfa_", "logout")):
            return None
        messages.warning(request, _("Your account needs a second factor: set one up to go on."))
        return redirect("mfa_index")
