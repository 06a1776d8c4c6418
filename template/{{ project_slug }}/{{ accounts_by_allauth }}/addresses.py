from collections.abc import Collection
from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.utils import user_email
from django.contrib.auth.base_user import AbstractBaseUser


def forget_former_addresses(
    instance: AbstractBaseUser,
    created: bool,
    raw: bool,
    update_fields: Collection[str] | None,
    **kwargs: Any,
) -> None:
    """Delete a user's other addresses when an admin or a script changes the address.

    Otherwise, the former mailbox could still reset the password, and confirm addresses with links
    that it got before. allauth's own pages change the primary address first: they delete nothing.
    """
    saves_email = update_fields is None or instance.get_email_field_name() in update_fields
    if created or raw or not saves_email:
        return
    addresses = EmailAddress.objects.filter(user_id=instance.pk)
    email = user_email(instance) or ""
    if not addresses.filter(email=email, primary=True).exists():
        addresses.exclude(email=email).delete()
        addresses.update(primary=True)
