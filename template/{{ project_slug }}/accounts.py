"""Accounts: log in and out, change and reset passwords, with the views and forms of Django.

The mail with the link is Django's too, in every language that it has; templates of yours with the
names registration/password_reset_email.html and registration/password_reset_subject.txt win.
"""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import forms, views
from django.contrib.messages.views import SuccessMessageMixin
from django.core.cache import cache
from django.db import connections
from django.http import HttpRequest
from django.urls import path, reverse_lazy
from django.utils.translation import gettext_lazy as _

logger = logging.getLogger(__name__)

# Who has an account is looked up here, so that the time of an answer does not tell.
background = ThreadPoolExecutor(max_workers=2, thread_name_prefix="accounts")


class PasswordResetForm(forms.PasswordResetForm):
    """Mails the link in the background, with the host of SITE_URL whatever host was asked.

    An address gets one mail a minute, however often it is asked for; the answer does not tell.
    """

    def save(self, *args: Any, **options: Any) -> None:
        email = self.cleaned_data["email"].lower().encode()
        key = f"password_reset_{sha256(email).hexdigest()}"
        if cache.get(key):
            return
        cache.set(key, True, timeout=60)
        site = urlsplit(settings.SITE_URL)
        options["domain_override"] = site.netloc
        options["use_https"] = site.scheme == "https"
        background.submit(copy_context().run, self.look_up_and_send, options)

    def look_up_and_send(self, options: dict[str, Any]) -> None:
        try:
            super().save(**options)
        except Exception:
            logger.exception("The mail for a new password could not be sent.")
        finally:
            connections.close_all()  # the thread would keep its own until the next mail


class PasswordChangeView(SuccessMessageMixin, views.PasswordChangeView):
    template_name = "form.html"
    extra_context = {"button": _("Change password")}
    success_url = reverse_lazy(settings.LOGIN_REDIRECT_URL)
    success_message = _("Your password has been changed.")


class PasswordResetView(SuccessMessageMixin, views.PasswordResetView):
    form_class = PasswordResetForm
    template_name = "form.html"
    extra_context = {"button": _("Send a link")}
    success_url = reverse_lazy("login")
    success_message = _("If that address has an account, it gets a mail with a link.")


class PasswordResetConfirmView(SuccessMessageMixin, views.PasswordResetConfirmView):
    template_name = "form.html"
    extra_context = {
        "button": _("Set password"),
        "links": [(_("Ask for a new link"), reverse_lazy("password_reset"))],
    }
    success_url = reverse_lazy("login")
    success_message = _("Your new password is set: log in with it.")


def account(request: HttpRequest) -> dict[str, Any]:
    """Return what the name of the user leads to, as the account_url of templates."""
    return {"account_url": reverse_lazy("password_change")}


login = views.LoginView.as_view(
    template_name="form.html",
    extra_context={
        "site": settings.SITE,
        "title": _("Log in"),
        "links": [(_("Forgotten your password?"), reverse_lazy("password_reset"))],
    },
)

urlpatterns = [
    path("login/", login, name="login"),
    path("logout/", views.LogoutView.as_view(), name="logout"),
    path("password/", PasswordChangeView.as_view(), name="password_change"),
    path("password/reset/", PasswordResetView.as_view(), name="password_reset"),
    path(
        "password/reset/<uidb64>/<token>/",
        PasswordResetConfirmView.as_view(),
        name="password_reset_confirm",
    ),
]
