"""How django-allauth sends mails and logs in here.

To replace a mail, add a template with its name, like
account/email/password_reset_key_message.txt.
"""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.account.utils import has_verified_email, user_email
from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser

from .background import run_in_background

# The mails of allauth that notices.py replaces: it also sees what the admin changes.
NOTICED = [
    f"account/email/{name}"
    for name in ("email_changed", "password_changed", "password_reset", "password_set")
]


class AccountAdapter(DefaultAccountAdapter):
    """Sends mails in the background, with links to the host of SITE_URL, whatever host was requested."""

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
        run_in_background(super().send_mail, template_prefix, email, context)

    def send_notification_mail(self, template_prefix: str, *args: Any, **kwargs: Any) -> None:
        if template_prefix not in NOTICED:
            super().send_notification_mail(template_prefix, *args, **kwargs)

    def get_login_stages(self) -> list[str]:
        theirs = "allauth.account.stages.EmailVerificationStage"
        ours = f"{__package__}.stages.EmailVerificationStage"
        return [ours if stage == theirs else stage for stage in super().get_login_stages()]


def must_verify_email(user: AbstractBaseUser, email: str | None = None) -> bool:
    """Return whether an address of the user, or all of them, still has to be verified.

    email: the address, or None for all. A user without any address has nothing to verify.
    """
    if has_verified_email(user, email):
        return False
    return bool(user_email(user)) or EmailAddress.objects.filter(user=user).exists()
