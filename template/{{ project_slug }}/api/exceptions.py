import logging
from typing import Any

from django.db import IntegrityError
from rest_framework import status, views
from rest_framework.exceptions import APIException
from rest_framework.response import Response

logger = logging.getLogger(__name__)


class Conflict(APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "This conflicts with what is stored."
    default_code = "conflict"


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer with 409 what the database refuses: of two equal requests at once, both were valid."""
    if isinstance(error, IntegrityError):
        logger.warning("The database refused a request.", exc_info=error)
        error = Conflict()
    return views.exception_handler(error, context)
