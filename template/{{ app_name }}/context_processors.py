"""What every template knows."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    """Return the site's name and description as {{ site.NAME }} and {{ site.DESCRIPTION }}.

    Some views, like those that log in, have a site of their own: {{ brand }} is the name there too.
    """
    return {"site": settings.SITE, "brand": settings.SITE["NAME"]}
