"""How the API reads bodies, splits lists and answers errors, unless a view says otherwise."""

import logging
import math
import re
from collections.abc import Mapping
from io import BytesIO
from typing import IO, Any

from django.conf import settings
from django.db import IntegrityError
from rest_framework import status, views
from rest_framework.exceptions import APIException, ParseError
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import JSONParser
from rest_framework.response import Response

logger = logging.getLogger(__name__)

MAX_DEPTH = 32
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class BoundedPagination(PageNumberPagination):
    """Pages of 50, or of as many objects as ?page_size= asks for, up to 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


class TooLarge(APIException):
    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = "The body is larger than what this site takes."
    default_code = "too_large"


class StrictJSONParser(JSONParser):
    """JSON, less what could only fail later: each is a ParseError, answered with 400.

    A body that is larger than a form may be is not read. Python gives up on deep nesting; databases store neither NUL characters, nor lone surrogates,
    nor numbers that are too large for a float.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(-1 if limit is None else limit + 1)
        if limit is not None and len(body) > limit:
            raise TooLarge()
        try:
            data: Any = super().parse(BytesIO(body), media_type, parser_context)
        except RecursionError as error:
            raise ParseError("JSON parse error - nested too deeply.") from error
        parts: list[tuple[Any, int]] = [(data, 0)]
        while parts:
            part, depth = parts.pop()
            if depth > MAX_DEPTH:
                raise ParseError("JSON parse error - nested too deeply.")
            if isinstance(part, str) and UNSTORABLE.search(part):
                raise ParseError("JSON parse error - a character that cannot be stored.")
            if isinstance(part, float) and not math.isfinite(part):
                raise ParseError("JSON parse error - a number that is too large.")
            if isinstance(part, dict):
                parts.extend((value, depth + 1) for item in part.items() for value in item)
            elif isinstance(part, list):
                parts.extend((value, depth + 1) for value in part)
        return data


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
