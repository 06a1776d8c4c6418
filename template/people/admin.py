from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from .filters import find
from .models import MAX_AGE, Person


class AtLeast(int):
    """A number that is shown as 10000+."""

    def __str__(self) -> str:
        return f"{int(self)}+"


class BoundedPaginator(Paginator):
    """Counts up to a limit: a whole count reads the whole table. A search finds what comes later."""

    limit = 10_000

    @cached_property
    def count(self) -> int:
        people: Any = self.object_list
        found: int = people.order_by()[: self.limit + 1].count()
        return found if found <= self.limit else AtLeast(self.limit)


class DecadeFilter(admin.SimpleListFilter):
    """Ages by decade. A filter by "age" reads the whole table to list all ages."""

    title = _("age")
    parameter_name = "decade"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(age), f"{age}–{age + 9}") for age in range(0, MAX_AGE + 1, 10)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Person]) -> QuerySet[Person]:
        for age, _text in self.lookup_choices:
            if age == self.value():
                return queryset.filter(age__range=(int(age), int(age) + 9))
        return queryset


@admin.register(Person)
class PersonAdmin(admin.ModelAdmin):
    list_display = ["name", "age", "email"]
    list_filter = [DecadeFilter]
    paginator = BoundedPaginator
    search_fields = ["name", "email"]
    show_facets = admin.ShowFacets.NEVER  # they count the whole table, and so does the next one
    show_full_result_count = False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Person], search_term: str
    ) -> tuple[QuerySet[Person], bool]:
        return find(queryset, search_term), False
