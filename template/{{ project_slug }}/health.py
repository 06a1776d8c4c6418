"""Responses to the probes of a load balancer or an orchestrator.

/livez: 200 as long as the process can respond. /readyz: 200 while it can serve pages, 503 while its
database does not answer.
"""

import logging
from contextlib import closing
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread

from asgiref.sync import sync_to_async
from django.db import connection
from django.db.backends.base.base import NO_DB_ALIAS
from django.http import HttpRequest, HttpResponse

from .middleware import LightMiddleware

logger = logging.getLogger(__name__)

# How many seconds the database has to answer, and how many probes may ask it at the same time.
TIMEOUT = 4
AT_ONCE = 2
slots = BoundedSemaphore(AT_ONCE)


def livez() -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


def readyz() -> HttpResponse:
    if error := ask_database():
        logger.warning("Not ready, the database cannot be reached: %s", error)
        return HttpResponse("database unavailable\n", content_type="text/plain", status=503)
    return HttpResponse("ok\n", content_type="text/plain")


def ask_database() -> Exception | None:
    """Return why the database does not answer in time, or None if it does.

    A thread asks, because nothing else ends every kind of wait: for a name server, a network, the
    database, or a pooler in front of it. While it waits, it keeps its slot.
    """
    answers: SimpleQueue[Exception | None] = SimpleQueue()

    def ask() -> None:
        try:
            # A connection of its own: those of the project may be busy, or dead.
            with closing(connection.copy(alias=NO_DB_ALIAS)) as probe, probe.cursor() as cursor:
                cursor.execute("SELECT 1")
        except Exception as error:
            answers.put(error)
        else:
            answers.put(None)
        finally:
            slots.release()

    if not slots.acquire(timeout=TIMEOUT / 4):
        return TimeoutError("earlier probes still wait")
    Thread(target=ask, daemon=True).start()
    try:
        return answers.get(timeout=TIMEOUT)
    except Empty:
        return TimeoutError(f"no answer within {TIMEOUT} seconds")


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
