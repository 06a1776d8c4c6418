"""Lists that can be searched."""

from functools import cached_property
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _


class SearchForm(forms.Form):
    q = forms.CharField(label=_("Search"), max_length=100, required=False)


class SearchMixin:
    """For a ListView: ?q= leaves what has these words, each of them in one of search_fields."""

    request: HttpRequest
    search_fields: list[str]

    @cached_property
    def search_form(self) -> SearchForm:
        return SearchForm(self.request.GET)

    def get_queryset(self) -> QuerySet[Any]:
        found: QuerySet[Any] = super().get_queryset()  # type: ignore[misc]
        words = self.search_form.cleaned_data["q"].split() if self.search_form.is_valid() else []
        for word in words:
            found = found.filter(
                Q.create(
                    [(f"{field}__icontains", word) for field in self.search_fields],
                    connector=Q.OR,
                )
            )
        return found

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(search_form=self.search_form, **kwargs)  # type: ignore[misc]
