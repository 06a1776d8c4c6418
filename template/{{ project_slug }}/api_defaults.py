"""How the API reads bodies, splits lists, throttles and answers errors by default."""

import logging
import math
import re
from collections import deque
from collections.abc import Mapping
from functools import lru_cache
from typing import IO, Any

from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.db import IntegrityError
from environs import validate
from rest_framework import status, views
from rest_framework.exceptions import APIException, ParseError
from rest_framework.pagination import PageNumberPagination
from rest_framework.parsers import JSONParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import (
    AnonRateThrottle,
    ScopedRateThrottle,
    SimpleRateThrottle,
    UserRateThrottle,
)

from .settings.env import env

logger = logging.getLogger(__name__)

MAX_DEPTH = 32
# Of the web server.
PROCESSES = env.int("WEB_CONCURRENCY", default=2, validate=validate.Range(min=1))
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class BoundedPagination(PageNumberPagination):
    """Pages of 50, or of as many objects as ?page_size= asks for, up to 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


@lru_cache(maxsize=10_000)
def uncounted(key: str, share: int) -> deque[float]:
    """Return when this process last let a client through without telling the cache."""
    return deque(maxlen=share)


class SharedRate(SimpleRateThrottle):
    """Lets as much through as its rate says, in all processes of a server together, with few writes.

    The cache of production is a table or a server: to write there for each request takes longer
    than many a request. So a tenth of the rate is set apart, each process lets its share of that
    through by itself, and the cache counts what exceeds the shares.
    """

    num_requests: int
    duration: int

    def share(self) -> int:
        """Return how many requests a process lets through by itself: 0 where counting is cheap."""
        in_memory = isinstance(caches["default"], LocMemCache)
        return 0 if in_memory else self.num_requests // (10 * PROCESSES)

    def allow_request(self, request: Request, view: Any) -> bool:
        key = None if self.rate is None else self.get_cache_key(request, view)
        if key is None:
            return True
        share, now = self.share(), self.timer()
        own = uncounted(key, share)
        if len(own) < share or (own and own[0] <= now - self.duration):
            own.append(now)
            return True
        self.num_requests -= share * PROCESSES
        return super().allow_request(request, view)


class AnonThrottle(AnonRateThrottle, SharedRate):
    """Counts who is not logged in, by address."""


class UserThrottle(UserRateThrottle, SharedRate):
    """Counts who is logged in, over all views."""


class ScopedThrottle(ScopedRateThrottle, SharedRate):
    """Counts everybody, over the views of one throttle_scope."""


class StrictJSONParser(JSONParser):
    """JSON, less what could only fail later: each is a ParseError, answered with 400.

    Python gives up on deep nesting; databases store neither NUL characters, nor lone surrogates,
    nor numbers that are too large for a float.
    """

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            data: Any = super().parse(stream, media_type, parser_context)
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
