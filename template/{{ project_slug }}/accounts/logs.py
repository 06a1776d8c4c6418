"""Logs who logs in and out, and who fails to. As in every line, client is their address."""

import logging
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

logger = logging.getLogger(__name__)


def log(level: int, event: str, name: str) -> None:
    logger.log(level, "%s: %s", event, name, extra={"user": name})


@receiver(user_logged_in)
def log_login(user: AbstractBaseUser, **kwargs: Any) -> None:
    log(logging.INFO, "Logged in", user.get_username())


@receiver(user_logged_out)
def log_logout(user: AbstractBaseUser | None, **kwargs: Any) -> None:
    if user:
        log(logging.INFO, "Logged out", user.get_username())


@receiver(user_login_failed)
def log_failure(
    credentials: Mapping[str, Any], request: HttpRequest | None = None, **kwargs: Any
) -> None:
    name = credentials.get("username") or credentials.get(get_user_model().USERNAME_FIELD) or ""
    # django-axes has set this before.
    locked = getattr(request, "axes_locked_out", False)
    event = "Login refused after too many wrong passwords" if locked else "Login failed"
    log(logging.WARNING, event, str(name)[:255])
