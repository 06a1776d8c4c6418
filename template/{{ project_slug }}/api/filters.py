"""How lists of the API are filtered and ordered. What a list does not know is refused, not ignored."""

from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import QuerySet
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet


class ListFilterBackend(DjangoFilterBackend):
    """Filters lists by the filterset_class of a view: a single object has no filters."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: Any
    ) -> QuerySet[Any]:
        return queryset if view.detail else super().filter_queryset(request, queryset, view)


# Not a docstring: the schema would describe every view with it.
# Responds with 400 to query parameters that a view does not know, and to repeated ones.
class KnownParametersMixin(APIView):
    # Names that your own code reads from request.query_params.
    query_parameters: Collection[str] = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not request.query_params:
            return
        once, often = self.get_known_parameters()
        message = f"Unknown parameter. Known are {', '.join(sorted(once | often))}."
        errors = {name: [message] for name in sorted(request.query_params.keys() - once - often)}
        for name in sorted(request.query_params.keys() & once):
            if len(request.query_params.getlist(name)) > 1:
                errors[name] = ["This parameter can be given once only."]
        if errors:
            raise ValidationError(errors)

    def get_known_parameters(self) -> tuple[set[str], set[str]]:
        """Return the names that a request may have once, and those that it may repeat."""
        once = {*self.query_parameters, str(api_settings.URL_FORMAT_OVERRIDE)}
        if not isinstance(self, GenericViewSet) or self.action != "list":
            return once, set()
        often: set[str] = set()
        sources: list[Any] = [backend() for backend in self.filter_backends]
        for source in sources:
            if not isinstance(source, DjangoFilterBackend):
                once |= {one["name"] for one in source.get_schema_operation_parameters(self)}
                continue
            filterset = source.get_filterset(self.request, self.get_queryset(), self)
            for name, field in filterset.form.fields.items() if filterset else ():
                # A range has two parameters, such as age_min and age_max.
                ends = getattr(field.widget, "suffixes", None)
                names = {field.widget.suffixed(name, end) for end in ends} if ends else {name}
                repeats = getattr(field.widget, "allow_multiple_selected", False)
                (often if repeats else once).update(names)
        if self.paginator:
            once |= {one["name"] for one in self.paginator.get_schema_operation_parameters(self)}
        return once, often


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
        if not valid:
            return self.get_default_ordering(view)
        # In the direction of the last field: then the database can read an index backwards.
        return [*valid, "-pk" if valid[-1].startswith("-") else "pk"]

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return super().get_schema_operation_parameters(view) if view.ordering_fields else []
