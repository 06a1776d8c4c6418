"""Refuses requests that nobody in good faith sends, before anything uses what they say."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.http.request import split_domain_port, validate_host
from django.utils.decorators import sync_and_async_middleware


def claims_another_host(request: HttpRequest) -> bool:
    """Whether X-Forwarded-Host names a host that is not of ALLOWED_HOSTS.

    Django does not use that header unless told to; packages may. Development lists no hosts.
    """
    hosts = request.META.get("HTTP_X_FORWARDED_HOST", "")
    return bool(settings.ALLOWED_HOSTS and hosts) and not all(
        validate_host(split_domain_port(host.strip())[0], settings.ALLOWED_HOSTS)
        for host in hosts.split(",")
    )


def has_nul(request: HttpRequest) -> bool:
    r"""Whether the query or a cookie has a NUL character, at which databases fail.

    A query writes it as %00, a cookie as "\000". Forms and the API refuse it in what they read.
    """
    return "%00" in request.META.get("QUERY_STRING", "") or any(
        "\0" in value for value in request.COOKIES.values()
    )


def is_refused(request: HttpRequest) -> bool:
    return claims_another_host(request) or has_nul(request)


@sync_and_async_middleware
def refusals(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> HttpResponse:
            if is_refused(request):
                return HttpResponseBadRequest()
            return await get_response(request)

        return async_middleware

    def middleware(request: HttpRequest) -> HttpResponse:
        if is_refused(request):
            return HttpResponseBadRequest()
        return get_response(request)

    return middleware
