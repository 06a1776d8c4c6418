from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext_lazy as _

from .policy import has_second_factor, must_have_second_factor
from .signals import SESSION_KEY


class StaffMiddleware(MiddlewareMixin):
    """Redirects staff without a second factor from any page to the page that sets one up.

    Logs staff out of sessions that began with a password only, before the factor was set up.
    """

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        if not must_have_second_factor(request.user):
            return None
        if has_second_factor(request.user):
            if request.session.get(SESSION_KEY) == str(request.user.pk):
                return None
            logout(request)
            return redirect_to_login(request.get_full_path())
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name.startswith(("account_", "mfa_", "logout")):
            return None
        messages.warning(request, _("Your account needs a second factor: set one up to go on."))
        return redirect("mfa_index")
