"""What makes a process ready, and answers to the probes of a load balancer or an orchestrator.

/livez: 200 while the process can answer at all. /readyz: 200 when it can serve pages, 503 while its
database cannot be reached. The middleware stands before all that could refuse a request, so that a
probe needs neither HTTPS nor a known Host.
"""

import logging
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse
from django.template import TemplateSyntaxError, engines
from django.utils.decorators import sync_and_async_middleware

logger = logging.getLogger(__name__)


def load_pages() -> None:
    """Load the URLs and templates of the project, which Django leaves to the first requests.

    The files of the next release may be there by then, and do not suit the code of this one. A
    template that is wrong fails where it is used.
    """
    import_module(settings.ROOT_URLCONF)
    for engine in engines.all():
        for folder in map(Path, engine.template_dirs):
            if "site-packages" in folder.parts:
                continue
            for path in folder.rglob("*.*"):
                with suppress(TemplateSyntaxError, UnicodeDecodeError):
                    engine.get_template(path.relative_to(folder).as_posix())


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


CHECKS = {"/livez": livez, "/readyz": readyz}


@sync_and_async_middleware
def health_checks(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> HttpResponse:
            if check := CHECKS.get(request.path_info):
                return await sync_to_async(check)()
            return await get_response(request)

        return async_middleware

    def middleware(request: HttpRequest) -> HttpResponse:
        if check := CHECKS.get(request.path_info):
            return check()
        return get_response(request)

    return middleware
