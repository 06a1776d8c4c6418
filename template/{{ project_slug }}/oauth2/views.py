"""The views of django-oauth-toolkit that programs need. Only admins register programs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil
from typing import Any, cast

from django.contrib import messages
from django.core.exceptions import BadRequest, ObjectDoesNotExist
from django.db import DataError
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.views.generic import TemplateView
from oauth2_provider import views
from oauth2_provider.exceptions import OAuthToolkitError
from oauth2_provider.models import AbstractApplication, AccessToken, Grant, RefreshToken
from oauthlib.oauth2 import InvalidRequestError
from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle

from ..api.tokens import refusal

GRANTS = ["authorization_code", "client_credentials", "refresh_token"]
S256 = re.compile(r"[A-Za-z0-9_-]{43}")


@contextmanager
def refusing_nonsense() -> Iterator[None]:
    """Respond with 400 to input on which the toolkit or the database fails, like NUL characters."""
    try:
        yield
    except (DataError, ObjectDoesNotExist, ValueError) as error:
        raise BadRequest("The request cannot be read.") from error


class WrongSecretThrottle(ScopedRateThrottle):
    """Counts only requests with a wrong secret, by address."""

    cache_format = "throttle_wrong_secret_%(ident)s"

    def throttle_success(self) -> bool:
        return True

    def count(self) -> None:
        super().throttle_success()


class SecretMixin:
    """Limits how often a client can guess a program's secret."""

    throttle_scope = "token"

    @refusing_nonsense()
    def post(self, request: HttpRequest) -> HttpResponse:
        throttle = WrongSecretThrottle()
        if not throttle.allow_request(Request(request), cast(Any, self)):
            later = {"Retry-After": str(ceil(throttle.wait() or 1))}
            return JsonResponse({"error": "slow_down"}, status=429, headers=later)
        response: HttpResponse = super().post(request)  # type: ignore[misc]
        if response.status_code == 401:
            throttle.count()
        return response


class TokenView(SecretMixin, views.TokenView):
    """Issues tokens for codes, for refresh tokens, and to programs that act for themselves."""

    def post(self, request: HttpRequest) -> HttpResponse:
        # Checked first: the toolkit tries the password of a grant before it refuses the grant.
        if request.POST.get("grant_type") not in GRANTS:
            return JsonResponse({"error": "unsupported_grant_type"}, status=400)
        response = super().post(request)
        response["Content-Type"] = "application/json"  # some error responses lack it
        return response


class RevokeTokenView(SecretMixin, views.RevokeTokenView):
    """Revokes tokens."""


class AuthorizationView(views.AuthorizationView):
    """Asks the user to let a program use the API, then sends the user back to the program.

    A page does that instead of a redirect: form-action in the content security policy stops
    browsers from following a form's redirect to another site. The login page has a form, too.
    """

    @refusing_nonsense()
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        add_never_cache_headers(response)
        return response

    def validate_authorization_request(self, request: HttpRequest) -> tuple[list[str], Any]:
        scopes, asked = super().validate_authorization_request(request)
        method, challenge = asked.get("code_challenge_method"), asked.get("code_challenge", "")
        if method != "S256" or not S256.fullmatch(challenge):
            error = InvalidRequestError("PKCE with S256 is needed.", state=asked["state"])
            raise OAuthToolkitError(error, redirect_uri=asked["redirect_uri"])
        return scopes, asked

    def redirect(self, redirect_to: str, application: AbstractApplication | None) -> HttpResponse:
        url = super().redirect(redirect_to, application).url
        return render(self.request, "oauth2_provider/redirect.html", {"url": url})


class ProgramsView(TemplateView):
    """The page where users see which programs may use the API in their name, and end that."""

    template_name = "oauth2_provider/programs.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(programs=programs_of(self.request.user), **kwargs)

    def post(self, request: HttpRequest) -> HttpResponse:
        ids = {str(program.pk): program for program, _scopes in programs_of(request.user)}
        if not (program := ids.get(request.POST.get("id", ""))):
            raise Http404
        for model in (Grant, RefreshToken, AccessToken):
            model.objects.filter(user=request.user, application=program).delete()
        messages.success(request, _("%(program)s has no access any more.") % {"program": program})
        return redirect("oauth2:programs")


def programs_of(user: Any) -> list[tuple[AbstractApplication, list[str]]]:
    """Return the programs with tokens of a user, and the texts of their scopes."""
    if refusal(user):
        return []
    can_refresh = Q(refresh_token__isnull=False, refresh_token__revoked__isnull=True)
    tokens = AccessToken.objects.filter(Q(expires__gt=timezone.now()) | can_refresh, user=user)
    found: dict[AbstractApplication, dict[str, str]] = {}
    for token in tokens.select_related("application"):
        found.setdefault(token.application, {}).update(token.scopes)
    return [(program, list(scopes.values())) for program, scopes in found.items()]
