from typing import Any

from django.http import HttpRequest
from django.urls import reverse_lazy


def accounts(request: HttpRequest) -> dict[str, Any]:
    """Return account_url, the page that the user's name in the header links to."""
    return {"account_url": reverse_lazy("password_change")}
