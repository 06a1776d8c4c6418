"""Reads variables from the environment, and from the file .env beside manage.py."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import environs
from django.core.exceptions import ImproperlyConfigured
from environs import validate

from . import env_file

# A host name, or an IPv6 address in brackets. HOSTS is a list of these, with commas.
HOST = r"(\.?[\w.-]+|\[[\da-fA-F:]+\])"
HOSTS = rf"(\*|{HOST})(\s*,\s*(\*|{HOST}))*"


def like(pattern: str, example: str) -> validate.Regexp:
    """Return a validator for values that a pattern matches from start to end."""
    return validate.Regexp(rf"({pattern})\Z", error=f"it has to look like {example}.")


# A site's address. Nothing else: the links in mails lead to the root of this host.
ORIGIN = like(rf"https?://{HOST}(:\d+)?/?", "https://www.example.com, without a path")


def named[Read: Callable[..., Any]](read: Read, hint: str = "") -> Read:
    """Let a method of environs raise ImproperlyConfigured, which names the variable.

    hint: the valid values, if environs does not name them. Values may be secret: never show one.
    """

    def method(env: "Env", name: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return read(env, name, *args, **kwargs)
        except environs.EnvNotSetError:
            message = f"Set {name}: .env.example says what it is."
        except environs.EnvValidationError as error:
            reasons = error.error_messages
            # For the items of a list, environs gives a dictionary.
            said = " ".join(reasons) if isinstance(reasons, list) else str(reasons)
            message = f"{name} cannot be used: {hint or said}"
        raise ImproperlyConfigured(message)

    return cast(Read, method)


class Env(environs.Env):
    """Treats blank variables as not set, and strips white space around values."""

    def _get_value(self, env_key: str, default: Any) -> Any:
        value = super()._get_value(env_key, default)
        return (value.strip() or default) if isinstance(value, str) else value

    def require(self, validators: Mapping[str, validate.Validator]) -> None:
        """Raise ImproperlyConfigured. It names all missing variables, or the first invalid one."""
        if missing := [name for name in validators if not self.str(name, default="")]:
            raise ImproperlyConfigured(f"Set {', '.join(missing)}: .env.example says what each is.")
        for name, validator in validators.items():
            self.str(name, validate=validator)

    bool = named(environs.Env.bool, hint="use on or off.")
    dj_db_url = named(
        environs.Env.dj_db_url,
        hint="it has to look like in .env.example; percent-encode special characters.",
    )
    int = named(environs.Env.int)
    list = named(environs.Env.list)
    log_level = named(environs.Env.log_level, hint="use DEBUG, INFO, WARNING, ERROR or CRITICAL.")
    str = named(environs.Env.str)


# Variables of the environment win.
env_file.load(Path(__file__).resolve().parents[2] / ".env")
env = Env()
