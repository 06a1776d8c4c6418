"""Responses to the probes of a load balancer or an orchestrator.

/livez: 200 as long as the process can respond. /readyz: 200 while it can serve pages, 503 while its
database cannot be reached.
"""

import logging

from asgiref.sync import sync_to_async
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse

from .middleware import LightMiddleware

logger = logging.getLogger(__name__)


def livez() -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


def readyz() -> HttpResponse:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error as error:
        logger.warning("Not ready, the database cannot be reached: %s", error)
        return HttpResponse("database unavailable\n", content_type="text/plain", status=503)
    return HttpResponse("ok\n", content_type="text/plain")


PROBES = {"/livez": livez, "/readyz": readyz}


class HealthCheckMiddleware(LightMiddleware):
    async def __acall__(self, request: HttpRequest) -> HttpResponse:
        probe = PROBES.get(request.path_info)
        # In a thread, because a probe may wait for the database.
        response = sync_to_async(probe)() if probe else self.get_response(request)
        return await response

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        probe = PROBES.get(request.path_info)
        return probe() if probe else None
