"""How production logs."""

from typing import Any


def json_lines(level: str) -> dict[str, Any]:
    """Return a LOGGING setting: a record, with its traceback, is a line of JSON on standard output.

    level: the least severe records to write, like "INFO".
    """
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": "pythonjsonlogger.json.JsonFormatter",
                "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
            },
        },
        "handlers": {
            "stdout": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "stream": "ext://sys.stdout",
            },
        },
        "root": {"handlers": ["stdout"], "level": level.upper()},
    }
