"""How settings read variables."""

from ipaddress import ip_network
from re import fullmatch
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
# A name, or an address of IPv6 in brackets; and a list of them.
HOST = r"(\.?[\w.-]+|\[[\da-fA-F:]+\])"
HOSTS = rf"(\*|{HOST})(\s*,\s*(\*|{HOST}))*"
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

    def database(self, var: str) -> dict[str, Any]:
        """Return the database that a URL names."""
        try:
            return dict(self.db_url(var))
        except ValueError:
            # Its text may show a part of the password.
            raise ImproperlyConfigured(
                f"{var} cannot be read: percent-encode what is special in its password."
            ) from None

    def positive(self, var: str, default: int) -> int:
        """Return a whole number above 0."""
        number: int = self.int(var, default=default)
        if not number:
            raise ImproperlyConfigured(f"{var} is 0: use a whole number above it.")
        return number

    def port(self, var: str, default: int) -> int:
        """Return the number of a TCP port."""
        number = self.positive(var, default)
        if number > 65535:
            raise ImproperlyConfigured(f"{var} is {number}: use a port, up to 65535.")
        return number

    def one_of(self, var: str, words: list[str], default: str) -> str:
        """Return the one of some words that is given, in whatever case."""
        given = self.str(var, default=default)
        for word in words:
            if word.lower() == given.lower():
                return word
        raise ImproperlyConfigured(f"{var} is {given!r}: use {' or '.join(words)}.")

    def networks(self, var: str, default: str) -> str:
        """Return addresses and networks with commas between, or * for every address."""
        given: str = self.str(var, default=default)
        try:
            for network in given.split(","):
                if network.strip() != "*":
                    ip_network(network.strip())
        except ValueError:
            raise ImproperlyConfigured(
                f"{var} is {given!r}: use addresses like 10.0.0.1 or 10.0.0.0/8, or *."
            ) from None
        return given

    def require(self, variables: dict[str, tuple[str, str]]) -> None:
        """Stop where variables are missing, or do not match.

        variables: the pattern of each, and what it has to do, like "look like example.com". Errors
        show no value: it may be a secret.
        """
        if missing := [var for var in variables if not self.str(var, default="")]:
            raise ImproperlyConfigured(f"Set {', '.join(missing)}: .env.example says what each is.")
        for var, (pattern, hint) in variables.items():
            if not fullmatch(pattern, self.str(var)):
                raise ImproperlyConfigured(f"{var} cannot be used: it has to {hint}.")
