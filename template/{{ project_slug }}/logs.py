"""What the lines of the log contain, beside their message."""

import logging
import re
from contextvars import ContextVar
from copy import copy

from django.utils.module_loading import import_string

NO_REQUEST = "-"

client: ContextVar[str] = ContextVar("client", default=NO_REQUEST)
request_id: ContextVar[str] = ContextVar("request_id", default=NO_REQUEST)

# What Django's links for one use end with: a token's hash, or a signature. API tokens look alike.
SECRET = re.compile(r"[0-9a-f]{32,}|(?<=:)[\w-]{43}")


def hide_secrets(text: str) -> str:
    return SECRET.sub("***", text)


class RequestIdFilter(logging.Filter):
    """Adds the request_id and the client of the request to each record, and hides secrets in URLs.

    Drops what Django logs about a response of 4xx, because the line of the request says the same.
    """

    def filter(self, record: logging.LogRecord) -> logging.LogRecord | bool:
        # Django refuses some requests before it has a request. These have no line of their own.
        has_line = record.name == "django.request" and hasattr(record, "request")
        if has_line and record.levelno < logging.ERROR:
            return False
        record = copy(record)  # handlers of other filters get the record as it was
        record.client, record.request_id = client.get(), request_id.get()
        vars(record).pop("request", None)  # the formatter would write its query
        record.msg, record.args = hide_secrets(record.getMessage()), ()
        return record


def json_formatter() -> logging.Formatter:
    """Return a formatter that writes each record as a line of JSON, with its traceback."""
    fields = ["asctime", "levelname", "name", "request_id", "client", "message"]
    formatter: logging.Formatter = import_string("pythonjsonlogger.json.JsonFormatter")(fields)
    return formatter
