"""How development and production log. Each line has the id of the request it was written for."""

from typing import Any

from .request_ids import RequestIdFilter


def lines(level: int | str, stream: str, formatter: dict[str, str]) -> dict[str, Any]:
    """Return a LOGGING setting: what is logged goes to a stream, each record with its request's id."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request_id": {"()": RequestIdFilter}},
        "formatters": {"lines": formatter},
        "handlers": {
            "stream": {
                "class": "logging.StreamHandler",
                "filters": ["request_id"],
                "formatter": "lines",
                "stream": f"ext://sys.{stream}",
            },
        },
        "root": {"handlers": ["stream"], "level": level},
    }


def json_lines(level: int | str) -> dict[str, Any]:
    """Return a LOGGING setting: a record, with its traceback, is a line of JSON on standard output.

    level: the least severe records to write, like "INFO".
    """
    formatter = {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": "%(asctime)s %(levelname)s %(name)s %(request_id)s %(message)s",
    }
    return lines(level, "stdout", formatter)


def console_lines(level: str) -> dict[str, Any]:
    """Return a LOGGING setting: lines to read, on standard error, in the colours of runserver.

    level: the least severe records to write, like "INFO".
    """
    formatter = {
        "()": "django.utils.log.ServerFormatter",
        "format": "[{server_time}] {levelname} {request_id} {message}",
        "datefmt": "%d/%b/%Y %H:%M:%S",
        "style": "{",
    }
    # Django gives these two handlers of their own, which know no ids.
    loggers = {
        "django": {"handlers": []},
        "django.server": {"handlers": [], "propagate": True},
    }
    return lines(level, "stderr", formatter) | {"loggers": loggers}
