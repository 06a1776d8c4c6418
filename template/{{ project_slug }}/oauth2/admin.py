"""The programs that may use the API, and their tokens, in the admin."""

from typing import Any

from django.contrib.admin import ModelAdmin
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


class TokenAdmin(ModelAdmin):
    """Lets tokens be deleted together with their user or program. By themselves, they are revoked."""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        view = request.resolver_match.url_name if request.resolver_match else None
        if (view or "").startswith(f"{self.opts.app_label}_{self.opts.model_name}_"):
            return False
        return ModelAdmin.has_delete_permission(self, request, obj)


class AccessTokenAdmin(TokenAdmin, admin.AccessTokenAdmin):
    pass


class RefreshTokenAdmin(TokenAdmin, admin.RefreshTokenAdmin):
    pass
