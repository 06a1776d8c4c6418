import logging
from collections.abc import Callable
from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from rest_framework import status, views
from rest_framework.exceptions import APIException
from rest_framework.response import Response

logger = logging.getLogger(__name__)

# How the database drivers name a unique violation: Django has no exception of its own for it.
UNIQUE_VIOLATIONS = {"23505", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_UNIQUE"}


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "The request conflicts with stored data."
    default_code = "conflict"


class PreconditionFailed(APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED
    default_detail = "The object has changed since: get it again."
    default_code = "precondition_failed"


def is_unique_violation(error: IntegrityError) -> bool:
    names = (getattr(error.__cause__, name, None) for name in ("sqlstate", "sqlite_errorname"))
    return not UNIQUE_VIOLATIONS.isdisjoint(names)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Respond with 409 Conflict when the database refuses a duplicate of a unique value.

    Serializers find most duplicates first, but not those that two requests store at once. Any
    other IntegrityError is a mistake in the code, and stays a server error.
    """
    if isinstance(error, IntegrityError) and is_unique_violation(error):
        logger.warning("The database refused a request.", exc_info=error)
        error = Conflict()
    return views.exception_handler(error, context)


def json_below_api(page: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Return an error page that is JSON below /api/, because clients of the API cannot read HTML."""

    def error(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = page(request, *args, **kwargs)
        if not request.path_info.startswith(reverse("api-root")):
            return response
        return JsonResponse({"detail": f"{response.reason_phrase}."}, status=response.status_code)

    return error
