import math
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MAX_DEPTH = 32
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def check(value: Any, depth: int = 0) -> None:
    """Raise ParseError for values that fields accept, but that later cause a server error."""
    # A related field fails on lists nested 500 levels deep, JSON in SQLite on 1000 levels.
    if depth > MAX_DEPTH:
        raise ParseError("JSON parse error - nested too deeply.")
    # Not every database stores NUL. Lone surrogates cannot be encoded, not even in a message about them.
    if isinstance(value, str) and UNSTORABLE.search(value):
        raise ParseError("JSON parse error - a character that cannot be stored.")
    # 1e999 is infinity, which a related field cannot turn into a key.
    if isinstance(value, float) and not math.isfinite(value):
        raise ParseError("JSON parse error - a number that is too large.")
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list):
        for part in value:
            check(part, depth + 1)


class StrictJSONParser(JSONParser):
    """Parses JSON, and responds with 400 to values that would only fail later."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            data: Any = super().parse(stream, media_type, parser_context)
        except RecursionError as error:  # Python's own limit, at some thousand levels
            raise ParseError("JSON parse error - nested too deeply.") from error
        check(data)
        return data
