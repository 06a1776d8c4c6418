"""Accounts: how django-allauth mails, signs up and resets passwords here.

Its mails are templates of its own, in every language that it has; templates of yours with the same
names, like account/email/password_reset_key_message.txt, win.
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import current_thread
from typing import Any
from urllib.parse import urlsplit

from allauth.account import forms, stages
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.utils import has_verified_email, user_email
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser
from django.db import connections
from django.http import HttpRequest
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

logger = logging.getLogger(__name__)

NAME = "accounts"

# Who has an account is looked up, and mailed, here, so that the time of an answer does not tell.
background = ThreadPoolExecutor(max_workers=2, thread_name_prefix=NAME)


def in_background(job: Callable[..., object], *args: Any) -> None:
    """Do a job in a thread that knows the request and the language of this one.

    A job that one of these threads starts is done at once: when the program ends, they finish what
    they have and take nothing more.
    """
    if current_thread().name.startswith(NAME):
        do(job, *args)
    else:
        background.submit(copy_context().run, do, job, *args)


def do(job: Callable[..., object], *args: Any) -> None:
    try:
        job(*args)
    except Exception:
        logger.exception("A mail about an account could not be sent.")
    finally:
        connections.close_all()  # the thread would keep its own until the next mail


def has_to_verify(user: AbstractBaseUser, email: str | None = None) -> bool:
    """Say whether an address of a user, or else every one, is not verified; no address need not be."""
    if has_verified_email(user, email):
        return False
    return bool(user_email(user)) or EmailAddress.objects.filter(user=user).exists()


class EmailVerificationStage(stages.EmailVerificationStage):
    """Asks to verify an address, but not who has none: only an admin makes such accounts."""

    def handle(self) -> Any:
        if self.login.user and not has_to_verify(self.login.user, self.login.email):
            return None, True
        return super().handle()


class AccountAdapter(DefaultAccountAdapter):
    """Mails in the background, with the host of SITE_URL whatever host was asked."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        site = urlsplit(settings.SITE_URL)
        links = {
            name: urlsplit(value)._replace(scheme=site.scheme, netloc=site.netloc).geturl()
            for name, value in context.items()
            if name.endswith("_url")
        }
        context = {
            **context,
            **links,
            "current_site": {"name": settings.SITE["NAME"], "domain": site.netloc},
        }
        in_background(super().send_mail, template_prefix, email, context)

    def get_login_stages(self) -> list[str]:
        theirs = "allauth.account.stages.EmailVerificationStage"
        ours = f"{__name__}.EmailVerificationStage"
        return [ours if stage == theirs else stage for stage in super().get_login_stages()]


class SignupForm(forms.SignupForm):
    def try_save(self, request: HttpRequest) -> Any:
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])  # takes the time that a new account does
        return super().try_save(request)


class ResetPasswordForm(forms.ResetPasswordForm):
    """Looks for the account in the background."""

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        in_background(self.look_up_and_send, request)
        return self.clean_email()

    def look_up_and_send(self, request: HttpRequest) -> None:
        super().clean_email()
        super().save(request)


# The pages on which users manage their accounts: titles, and names of URLs.
PAGES = [(_("Email"), "account_email"), (_("Password"), "account_change_password")]


def account(request: HttpRequest) -> dict[str, Any]:
    """Return where to manage an account, page by page too, and where to get one."""
    return {
        "account_pages": [(title, reverse_lazy(name)) for title, name in PAGES],
        "account_url": reverse_lazy("account_email"),
        "signup_url": reverse_lazy("account_signup"),
    }
