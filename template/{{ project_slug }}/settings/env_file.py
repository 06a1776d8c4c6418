"""Reads the file .env. Refuses what Compose or uv would read differently."""

import re
from io import StringIO
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

# A value in single quotes, in double quotes, or without quotes. Compose replaces $NAME outside of
# single quotes, and # starts a comment only after a space, and never at the start of a value.
SINGLE = r"'(?:[^'\\\0\r]|\\[^'\\\0\r])*'"
DOUBLE = r'"(?:[^"\\$\0\r]|\\n)*"'
PLAIN = r"""(?:[^\s#'"$\\\0](?:[^\s'"$\\\0]|[ \t]+[^\s#'"$\\\0])*)"""
VALUE = rf"(?:{SINGLE}|{DOUBLE}|{PLAIN})(?:[ \t]* #[^\r\n]*)?"
NAME = r"[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.]*)[ \t]*="
LINE = re.compile(rf"(?:{NAME}[ \t]*(?:{VALUE})?|[ \t]*#[^\r\n]*)?[ \t]*(?:\r?\n|\Z)", re.ASCII)


def check(text: str) -> None:
    """Raise ImproperlyConfigured, which names the line and the variable, but never shows a value."""
    names: set[str] = set()
    position = 0
    while position < len(text):
        line = f"Line {text.count('\n', 0, position) + 1} of .env"
        name = re.compile(NAME, re.ASCII).match(text, position)
        found = LINE.match(text, position)
        if not found and not name:
            raise ImproperlyConfigured(f"{line} cannot be used: write NAME='value'.")
        if not found and name:
            raise ImproperlyConfigured(
                f"{line}: put the value of {name[1]} in single quotes, because Compose or uv"
                " would read another value. If it contains such a quote, set it in the environment."
            )
        if name and name[1] in names:
            raise ImproperlyConfigured(f"{line} sets {name[1]} again: delete one of the lines.")
        names |= {name[1]} if name else set()
        position = found.end() if found else len(text)


def load(path: Path) -> None:
    """Set the variables in a file that the environment does not set."""
    if not path.is_file() and not path.is_fifo():
        return
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path.name} cannot be read: save it as UTF-8.") from None
    check(text)
    # Not interpolated: that would replace ${NAME} in a password.
    load_dotenv(stream=StringIO(text), interpolate=False)
