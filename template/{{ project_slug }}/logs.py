"""How development and production log. Each line has the id of the request it was written for."""

from typing import Any

from .request_ids import RequestIdFilter


def json_lines(level: str) -> dict[str, Any]:
    """Return a LOGGING setting: a record, with its traceback, is a line of JSON on standard output.

    level: the least severe records to write, like "INFO".
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": RequestIdFilter}},
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s",
            },
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "filters": ["request_id"],
                "formatter": "json",
                "stream": "ext://sys.stdout",
            },
        },
        "root": {"handlers": ["stdout"], "level": level.upper()},
    }


def console_lines(level: str) -> dict[str, Any]:
    """Return a LOGGING setting: lines to read, on standard error, in the colours of runserver.

    level: the least severe records to write, like "INFO".
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": RequestIdFilter}},
        "formatters": {
            "console": {
                "()": "django.utils.log.ServerFormatter",
                "format": "[{server_time}] {levelname} {request_id} {message}",
                "datefmt": "%d/%b/%Y %H:%M:%S",
                "style": "{",
            },
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "filters": ["request_id"],
                "formatter": "console",
            },
        },
        # Django gives these two handlers of their own, which know no ids.
        "loggers": {
            "django": {"handlers": []},
            "django.server": {"handlers": [], "propagate": True},
        },
        "root": {"handlers": ["console"], "level": level.upper()},
    }
