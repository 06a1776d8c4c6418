"""Pages of long lists. A page starts after the last row of the page before it, whose values it knows.

The database finds this place in an index. It counts nothing and skips nothing, so that the first
and the last page of a million rows cost the same. There are no numbers of pages, and no totals.
"""

from functools import reduce
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.core.signing import BadSignature, Signer
from django.db import connections
from django.db.models import F, Q, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.http import Http404, HttpRequest
from django.utils.translation import gettext as _
from django.views.generic.list import MultipleObjectMixin

LAST = "last"


class KeysetPage:
    """A page of a queryset, with the methods of Django's Page that lists need. Its number is a cursor.

    queryset: ordered by names of fields or annotations. cursor: "" for the first page, LAST for the
    last one, or one that another page of the same list has given.
    Raises BadSignature if the cursor is none of these.
    """

    def __init__(self, queryset: QuerySet[Any], size: int, cursor: str = "") -> None:
        self.order = get_order(queryset)
        self.signer = Signer(salt=f"keyset {queryset.model._meta.label} {self.order}")
        self.backward, values = self.read(cursor)
        queryset = queryset.order_by(*self.order)
        found = after(queryset, self.order, values, self.backward)[: size + 1]
        rows = list(found)
        if self.backward and len(rows) <= size:  # the first page is always full
            self.backward, values, rows = False, [], list(queryset[: size + 1])
        self.is_inside, self.has_more = bool(values), len(rows) > size
        self.object_list = rows[:size][::-1] if self.backward else rows[:size]

    def read(self, cursor: str) -> tuple[bool, list[str | None]]:
        if cursor in ("", LAST):
            return cursor == LAST, []
        backward, *values = self.signer.unsign_object(cursor)
        return backward, values

    def cursor_of(self, row: Any, *, backward: bool) -> str:
        """Return the cursor of the page after a row, or of the page before it."""
        values = [get_value(row, name.removeprefix("-")) for name in self.order]
        return self.signer.sign_object(
            [backward, *(None if value is None else str(value) for value in values)]
        )

    def has_next(self) -> bool:
        return self.is_inside if self.backward else self.has_more

    def has_previous(self) -> bool:
        return self.has_more if self.backward else self.is_inside

    def has_other_pages(self) -> bool:
        return self.has_next() or self.has_previous()

    def next_page_number(self) -> str:
        return self.cursor_of(self.object_list[-1], backward=False) if self.object_list else ""

    def previous_page_number(self) -> str:
        return self.cursor_of(self.object_list[0], backward=True) if self.object_list else LAST


class KeysetMixin(MultipleObjectMixin):
    """Lets ?page= of a list view be a cursor, and page_obj a KeysetPage. There is no paginator."""

    request: HttpRequest

    def paginate_queryset(self, queryset: Any, page_size: int) -> Any:
        try:
            page = KeysetPage(queryset, page_size, self.request.GET.get(self.page_kwarg, ""))
        except BadSignature as error:
            raise Http404(_("Invalid page.")) from error
        return None, page, page.object_list, page.has_other_pages()


def get_order(queryset: QuerySet[Any]) -> list[str]:
    """Return the names that order a queryset. The primary key is one of them, so that no rows tie."""
    names = [*(queryset.query.order_by or queryset.model._meta.ordering or ())]
    if not all(isinstance(name, str) for name in names):
        raise TypeError("Order by names of fields: the places of expressions are unknown.")
    primary = {"pk", queryset.model._meta.pk.name}
    if not any(name.removeprefix("-") in primary for name in names):
        names.append("-pk" if names and names[-1].startswith("-") else "pk")
    return names


def get_value(row: Any, name: str) -> Any:
    return reduce(lambda value, part: value and getattr(value, part), name.split("__"), row)


def after(
    queryset: QuerySet[Any], order: list[str], values: list[str | None], backward: bool
) -> QuerySet[Any]:
    """Return the rows after a place in a queryset or, backward, those before it, the nearest first."""
    falling = [name.startswith("-") != backward for name in order]
    names = [name.removeprefix("-") for name in order]
    if backward:
        queryset = queryset.reverse()
    if not values:
        return queryset
    if len(set(falling)) == 1 and not any(may_be_null(queryset, name) for name in names):
        # Databases find the place in an index only if the rows are compared as a whole.
        lookup = TupleLessThan if falling[0] else TupleGreaterThan
        return queryset.filter(lookup(Tuple(*map(F, names)), values))
    nulls_are_large = connections[queryset.db].features.nulls_order_largest
    later = Q(pk__in=[])
    for name, value, falls in reversed([*zip(names, values, falling, strict=True)]):
        nulls_come_last = nulls_are_large != falls
        is_null = Q(**{f"{name}__isnull": True})
        if value is None:
            same, beyond = is_null, Q(pk__in=[]) if nulls_come_last else ~is_null
        else:
            same, beyond = Q(**{name: value}), Q(**{f"{name}__{'lt' if falls else 'gt'}": value})
            if nulls_come_last and may_be_null(queryset, name):
                beyond |= is_null
        later = beyond | (same & later)
    return queryset.filter(later)


def may_be_null(queryset: QuerySet[Any], name: str) -> bool:
    try:
        return name != "pk" and bool(queryset.model._meta.get_field(name).null)
    except FieldDoesNotExist:  # an annotation, or a field of another model
        return True
