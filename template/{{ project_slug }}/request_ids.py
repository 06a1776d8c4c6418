"""An id for each request: in the X-Request-ID of its answer, and in every line that it logs.

A proxy in front may have given one already. It is taken over where it is short and plain: what
others send is written to the log.
"""

import logging
import re
from collections.abc import Callable
from contextvars import ContextVar
from random import getrandbits
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.core.signals import request_finished
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

PLAIN = re.compile("[A-Za-z0-9_-]{8,64}")
NONE = "-"

current: ContextVar[str] = ContextVar("request_id", default=NONE)


class RequestIdFilter(logging.Filter):
    """Gives each record the id of the request that it was written for, as request_id."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = current.get()
        return True


def begin(request: HttpRequest) -> str:
    given = request.META.get("HTTP_X_REQUEST_ID", "")
    # No uuid4: it asks the system for each, meanwhile other threads go first.
    current.set(given if PLAIN.fullmatch(given) else f"{getrandbits(128):032x}")
    return current.get()


@receiver(request_finished)
def end(**kwargs: object) -> None:
    """Forget the id once the answer is sent, and not before: lines are written until then."""
    current.set(NONE)


@sync_and_async_middleware
def add_request_id(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> HttpResponse:
            request_id = begin(request)
            response = await get_response(request)
            response["X-Request-ID"] = request_id
            return response

        return async_middleware

    def middleware(request: HttpRequest) -> HttpResponse:
        request_id = begin(request)
        response = get_response(request)
        response["X-Request-ID"] = request_id
        return response

    return middleware
