from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import forms
from django.core.cache import cache

from .background import run_in_background


class PasswordResetForm(forms.PasswordResetForm):
    """Mails a link to the host of SITE_URL, whatever host was requested.

    An address gets at most one mail a minute. The response is the same with and without a mail.
    """

    def save(self, *args: Any, **options: Any) -> None:
        email = self.cleaned_data["email"].lower().encode()
        if not cache.add(f"password_reset_{sha256(email).hexdigest()}", True, timeout=60):
            return
        site = urlsplit(settings.SITE_URL)
        options["domain_override"] = site.netloc
        options["use_https"] = site.scheme == "https"
        run_in_background(super().save, *args, **options)
