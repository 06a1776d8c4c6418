from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from people.models import Person

from .models import MAX_SEATS, Club, Membership


class ClubForm(forms.ModelForm):
    class Meta:
        model = Club
        fields = ["name", "kind"]


class FoundingForm(ClubForm):
    """The form to found a club. A house is optional, but needs an address and seats."""

    president = forms.ModelChoiceField(Person.objects.all(), label=_("President"))
    address = forms.CharField(label=_("Address of its house"), max_length=200, required=False)
    seats = forms.IntegerField(label=_("Seats"), min_value=1, max_value=MAX_SEATS, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for given, other in [("address", "seats"), ("seats", "address")]:
            if cleaned.get(given) and other in cleaned and not cleaned[other]:
                self.add_error(other, _("Give the address and the seats of the house, or neither."))
        return cleaned

    def save(self, commit: bool = True) -> Club:
        return Club.objects.found(owner=self.instance.owner, **self.cleaned_data)


class MembershipForm(forms.ModelForm):
    # A hidden, fixed field: forms check a unique constraint only if they have all of its fields.
    club = forms.ModelChoiceField(Club.objects.all(), disabled=True, widget=forms.HiddenInput)

    class Meta:
        model = Membership
        fields = ["club", "person", "role"]
