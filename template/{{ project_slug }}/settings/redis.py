"""Reads the URL of Redis, so that the cache and Celery's broker and results understand it alike."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

from .env import HOST

URL = rf"rediss?://([^\s/?#;]*@)?{HOST}(:\d+)?(/\d*)?(\?[^\s#;]*)?"
FILES = ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"]
VERIFY = ["required", "optional", "none"]


def redis_url(url: str, name: str = "REDIS_URL") -> str:
    """Return the URL. With rediss://, it says how to verify certificates.

    Raises ImproperlyConfigured, which names the variable, if one of the libraries would fail.
    """
    if url and not re.fullmatch(URL, url):
        raise ImproperlyConfigured(
            f"{name} cannot be used: it has to look like redis://localhost/0."
        )
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "ssl_cert_reqs" in options:
        # Celery also knows this value as CERT_REQUIRED, the cache does not.
        options["ssl_cert_reqs"] = options["ssl_cert_reqs"].lower().removeprefix("cert_")
    if problem := problem_of(parts, options):
        raise ImproperlyConfigured(f"{name} cannot be used: {problem}")
    if parts.scheme == "rediss":
        # Celery does not verify certificates unless it is told to.
        parts = parts._replace(query=urlencode({"ssl_cert_reqs": "required"} | options, safe="/"))
    return parts.geturl()


def problem_of(parts: SplitResult, options: Mapping[str, str]) -> str:
    """Return what is wrong with a URL, or ""."""
    try:
        _ = parts.port
    except ValueError:
        return "its port has to be a number up to 65535."
    for option, value in options.items():
        if option not in ["ssl_cert_reqs", *FILES]:
            return f"its option {option} is unknown: use ssl_cert_reqs, {', '.join(FILES)}."
        if parts.scheme == "redis":
            return f"its option {option} needs a URL that starts with rediss://."
        if option == "ssl_cert_reqs" and value not in VERIFY:
            return f"its option {option} has to be {', '.join(VERIFY[:-1])} or {VERIFY[-1]}."
        if option in FILES and not Path(value).is_file():
            return f"its option {option} has to name a file that exists."
    return ""
