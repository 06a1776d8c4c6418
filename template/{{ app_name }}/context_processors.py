"""Variables that every template has."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the site's name and description as {{ site.NAME }} and {{ site.DESCRIPTION }}.

    The login views replace site with an object of their own, so the name is {{ brand }}, too.
    """
    return {"site": settings.SITE, "brand": settings.SITE["NAME"]}
