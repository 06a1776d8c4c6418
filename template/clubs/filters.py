from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import CharFilter, FilterSet

from .models import Club


class ClubFilter(FilterSet):
    q = CharFilter(label=_("Search"), max_length=100, method="search")

    class Meta:
        model = Club
        fields = ["q", "kind"]

    def search(self, clubs: QuerySet[Club], name: str, value: str) -> QuerySet[Club]:
        """Keep the clubs that have every word in their name or in the address of their house."""
        for word in value.split():
            clubs = clubs.filter(Q(name__icontains=word) | Q(house__address__icontains=word))
        return clubs
