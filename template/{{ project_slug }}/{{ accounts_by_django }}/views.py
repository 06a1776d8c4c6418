"""Log in, change and reset passwords, with Django's own views.

To replace the mail, add the templates registration/password_reset_email.html and
registration/password_reset_subject.txt.
"""

from django.conf import settings
from django.contrib.auth import views
from django.contrib.messages.views import SuccessMessageMixin
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from .forms import PasswordResetForm


class LoginView(views.LoginView):
    template_name = "form.html"
    extra_context = {
        "site": settings.SITE,
        "title": _("Log in"),
        "links": [(_("Forgotten your password?"), reverse_lazy("password_reset"))],
    }


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
