"""Files that browsers, crawlers, and researchers look for on every site."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe


@login_not_required
@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Pages link to the icon, but browsers look here when they show something else, like JSON."""
    return redirect(static("site/icon.svg"))


@login_not_required
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Allow everything. Do not list private pages here: the file would reveal them."""
    return HttpResponse("User-agent: *\nDisallow:\n", content_type="text/plain")


@login_not_required
@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """Say who to tell about security holes, as RFC 9116 defines it."""
    contact = getattr(settings, "SECURITY_CONTACT", "")
    if not contact:
        raise Http404
    uri = contact if ":" in contact else f"mailto:{contact}"
    expires = (timezone.now() + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = f"Contact: {uri}\nExpires: {expires}\n"
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


urlpatterns = [
    path(".well-known/security.txt", security),
    path("favicon.ico", favicon),
    path("robots.txt", robots),
]
