"""How django-axes locks names after wrong passwords.

Five wrong passwords lock a name for 15 minutes, whatever the IP addresses: bots use many. So
anybody can lock a name. Therefore browsers in which its user has logged in have a limit of their
own: a signed cookie tells them apart, as in OWASP's "Device Cookies". A new password unlocks the
name. The API has no such browsers: while a name is locked, it gives its user no new token.
"""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from asgiref.sync import sync_to_async
from axes.backends import AxesStandaloneBackend
from axes.handlers.database import AxesDatabaseHandler
from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse

from .names import name_field

COOKIE = f"{settings.SESSION_COOKIE_NAME}-browser"
COOKIE_AGE = 180 * 24 * 3600  # seconds
MAX_USERS = 5  # of one browser
LOGGED_IN = "_browser_cookie"  # the attribute of a request whose response sets the cookie


class AxesBackend(AxesStandaloneBackend):
    """Adds the asynchronous method that the backend of django-axes lacks."""

    async def aauthenticate(self, request: HttpRequest, **credentials: Any) -> None:
        await sync_to_async(self.authenticate)(request, **credentials)


class AxesHandler(AxesDatabaseHandler):
    """Unlocks a name, in whatever case it is typed, together with its user's browsers."""

    def reset_attempts(self, *, username: str | None = None, **options: Any) -> int:
        if username is None:
            return super().reset_attempts(**options)
        name = normalize(username)
        browsers, _ = AccessAttempt.objects.filter(username__startswith=of_browser(name)).delete()
        return browsers + super().reset_attempts(username=name, **options)


def normalize(username: str) -> str:
    """Return a name as users are found by it, cut to the 255 characters that axes can store."""
    name: str = name_field().to_python(username[:255])
    return name[:255]


def of_browser(name: str, browser: str = "") -> str:
    """Return the name under which axes counts the wrong passwords of a browser."""
    return f"{name[:200]} in browser {browser}"


def typed_name(request: HttpRequest | None, credentials: Mapping[str, str] | None) -> str | None:
    given: Mapping[str, str] = credentials or (request.POST if request else {})
    username = given.get("username") or given.get(get_user_model().USERNAME_FIELD)
    return normalize(username) if username else None


def get_username(request: HttpRequest | None, credentials: Mapping[str, str] | None) -> str | None:
    """Return the name under which axes counts a login: of the user, or of one browser of the user."""
    name = typed_name(request, credentials)
    browser = get_browser(request, name) if request and name else None
    return of_browser(name, browser) if name and browser else name


def is_known_browser(request: HttpRequest, credentials: Mapping[str, str]) -> bool:
    """Return whether the user has logged in with this browser before."""
    name = typed_name(request, credentials)
    return name is not None and get_browser(request, name) is not None


def tokens(request: HttpRequest) -> list[str]:
    return request.COOKIES.get(COOKIE, "").split(".")[:MAX_USERS]


def verify(token: str, name: str) -> str | None:
    """Return the random name of the browser, or None if the token is not valid for this user."""
    try:
        return TimestampSigner(salt=f"{COOKIE} {name}").unsign(token, max_age=COOKIE_AGE)
    except BadSignature:
        return None


def get_browser(request: HttpRequest, name: str) -> str | None:
    return next(filter(None, (verify(token, name) for token in tokens(request))), None)


def remember_browser(request: HttpRequest, user: AbstractBaseUser, **kwargs: Any) -> None:
    """Prepare a new token after a login. It survives logouts and new passwords."""
    name = normalize(user.get_username())
    others = [token for token in tokens(request) if token and not verify(token, name)]
    token = TimestampSigner(salt=f"{COOKIE} {name}").sign(token_hex(8))
    setattr(request, LOGGED_IN, ".".join([token, *others][:MAX_USERS]))


def set_cookie(request: HttpRequest, response: HttpResponse) -> None:
    """Set the cookie in the response to a login, with the options of the session cookie."""
    if value := getattr(request, LOGGED_IN, None):
        response.set_cookie(
            COOKIE,
            value,
            max_age=COOKIE_AGE,
            domain=settings.SESSION_COOKIE_DOMAIN,
            path=settings.SESSION_COOKIE_PATH,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite=settings.SESSION_COOKIE_SAMESITE,
        )


def unlock_after_new_password(instance: AbstractBaseUser, raw: bool, **kwargs: Any) -> None:
    """Unlock the name of a user who gets a new password: by a link in a mail, or from an admin."""
    if getattr(instance, "_password", None) and not raw:
        AxesProxyHandler.reset_attempts(username=instance.get_username())
