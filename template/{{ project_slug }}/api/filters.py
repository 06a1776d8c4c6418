"""How lists of the API are filtered and ordered. What a list does not know is refused, not ignored."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.settings import api_settings


class StrictFilterBackend(DjangoFilterBackend):
    """Filters by the filterset_class of a view, and responds with 400 to unknown parameters."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        known = {api_settings.URL_FORMAT_OVERRIDE}
        if filterset := self.get_filterset(request, queryset, view):
            for name, field in filterset.form.fields.items():
                # A range has two parameters, such as age_min and age_max.
                ends = getattr(field.widget, "suffixes", None)
                known |= {field.widget.suffixed(name, end) for end in ends} if ends else {name}
        if view.action == "list":
            attributes = [name for name in dir(view.paginator) if name.endswith("_query_param")]
            known |= {getattr(view.paginator, name) for name in attributes}
            known |= {api_settings.ORDERING_PARAM} if view.ordering_fields else set()
        if unknown := sorted(request.query_params.keys() - known):
            message = f"Unknown parameter. Known are {', '.join(sorted(filter(None, known)))}."
            raise ValidationError({name: [message] for name in unknown})
        return super().filter_queryset(request, queryset, view)


class StrictOrderingFilter(OrderingFilter):
    """Orders by the ordering_fields of a view, and responds with 400 to other fields.

    The primary key comes last: without it, rows that are equal could be on two pages or on none.
    """

    def get_ordering(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> Sequence[str] | None:
        asked = request.query_params.get(self.ordering_param, "")
        fields = [field.strip() for field in asked.split(",")] if asked else []
        valid = self.remove_invalid_fields(queryset, fields, view, request)
        if valid != fields:
            message = f"Unknown field. Known are {', '.join(view.ordering_fields)}."
            raise ValidationError({self.ordering_param: [message]})
        return [*valid, "pk"] if valid else self.get_default_ordering(view)
