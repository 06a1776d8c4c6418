from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .models import Club, House, Membership


class HouseInline(admin.StackedInline):
    model = House


class MembershipInline(admin.TabularInline):
    model = Membership
    extra = 0
    raw_id_fields = ["person"]


@admin.register(Club)
class ClubAdmin(admin.ModelAdmin):
    fieldsets = [
        (None, {"fields": ["name", "kind", "owner"]}),
        (_("Times"), {"classes": ["collapse"], "fields": ["created_at", "changed_at"]}),
    ]
    inlines = [HouseInline, MembershipInline]
    list_display = ["name", "kind", "owner", "size"]
    list_filter = ["kind"]
    list_select_related = ["owner"]
    raw_id_fields = ["owner"]
    readonly_fields = ["created_at", "changed_at"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Club]:
        return Club.objects.with_size()

    @admin.display(description=_("members"), ordering="size")
    def size(self, club: Any) -> int:
        return club.size
