"""Runs jobs in threads. If responses waited for them, their duration would reveal accounts."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from threading import current_thread
from typing import Any

from django.db import connections

logger = logging.getLogger(__name__)

PREFIX = "accounts"

executor = ThreadPoolExecutor(max_workers=2, thread_name_prefix=PREFIX)


def run_in_background(job: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    """Call a function in a thread, with the request id and the language of this one.

    In one of these threads, call it directly: when the process exits, the threads finish their
    jobs, but the executor accepts no new ones.
    """
    if current_thread().name.startswith(PREFIX):
        run(job, *args, **kwargs)
    else:
        executor.submit(copy_context().run, run, job, *args, **kwargs)


def run(job: Callable[..., object], *args: Any, **kwargs: Any) -> None:
    try:
        job(*args, **kwargs)
    except Exception:
        logger.exception("A mail about an account could not be sent.")
    finally:
        connections.close_all()  # a thread would keep its connections until its next job
