from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django_filters import CharFilter, FilterSet

from .models import Person


class PersonFilter(FilterSet):
    q = CharFilter(label=_("Search"), max_length=100, method="search")

    class Meta:
        model = Person
        fields = ["q"]

    def search(self, people: QuerySet[Person], name: str, value: str) -> QuerySet[Person]:
        """Keep the people who have every word in their name or email address."""
        for word in value.split():
            people = people.filter(Q(name__icontains=word) | Q(email__icontains=word))
        return people
