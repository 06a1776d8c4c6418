"""Second factors: who needs one, and what they may do before they have it."""

from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _


def has_to_set_up(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Say whether a user is staff that needs a second factor and has none."""
    is_staff = settings.STAFF_NEED_TWO_FACTOR and getattr(user, "is_staff", False)
    return is_staff and not is_mfa_enabled(user)


def needs_second_factor(user: AbstractBaseUser | AnonymousUser) -> bool:
    """Say whether a password alone is not enough for a user."""
    return is_mfa_enabled(user) or has_to_set_up(user)


class StaffMiddleware(MiddlewareMixin):
    """Leads staff that has to set up a second factor to where that is done, from any other page."""

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name.startswith(("account_", "mfa_", "logout")) or not has_to_set_up(request.user):
            return None
        messages.warning(request, _("Your account needs a second factor: set one up to go on."))
        return redirect("mfa_index")
