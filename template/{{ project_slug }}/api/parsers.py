import math
import re
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser

MAX_DEPTH = 32
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


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
