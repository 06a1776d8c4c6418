"""How settings read variables."""

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

SWITCHES = {"on", "true", "yes", "1", "off", "false", "no", "0"}


class Env(environ.Env):
    """django-environ, strictly: a value that cannot be used stops start-up and is named.

    A blank variable counts as one that is not set, and a value that starts with $ stays as it is
    instead of naming another variable: passwords do. Raises ImproperlyConfigured.
    """

    def get_value(
        self,
        var: str,
        cast: Any = None,
        default: Any = environ.Env.NOTSET,
        parse_default: bool = False,
    ) -> Any:
        value = self.ENVIRON.get(var, "").strip()
        if not value:
            if default is self.NOTSET:
                raise ImproperlyConfigured(f"Set {var}: .env.example says what it is.")
            return default
        if cast is bool and value.lower() not in SWITCHES:
            raise ImproperlyConfigured(f"{var} is {value!r}: use on or off.")
        if cast is int and not value.isdecimal():
            raise ImproperlyConfigured(f"{var} is {value!r}: use a whole number.")
        return self.parse_value(value, cast)
