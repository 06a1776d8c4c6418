"""The programs that may use the API, in the admin."""

from typing import Any

from django.http import HttpRequest
from oauth2_provider import admin
from oauth2_provider.models import AbstractApplication

GRANTS = [
    AbstractApplication.GRANT_AUTHORIZATION_CODE,
    AbstractApplication.GRANT_CLIENT_CREDENTIALS,
]


class ApplicationAdmin(admin.ApplicationAdmin):
    """Offers only the grants that views.py supports, and no link to a page that does not exist."""

    exclude = ["algorithm", "cimd_expires_at", "post_logout_redirect_uris", "registration_source"]
    readonly_fields = ()
    view_on_site = False

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "authorization_grant_type":
            kwargs["choices"] = [choice for choice in db_field.choices if choice[0] in GRANTS]
        return super().formfield_for_choice_field(db_field, request, **kwargs)
