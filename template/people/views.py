from typing import Any

from django.contrib.auth.mixins import PermissionRequiredMixin
from django.contrib.messages.views import SuccessMessageMixin
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.views.generic import CreateView, DeleteView, DetailView, UpdateView
from django.views.generic.edit import ModelFormMixin
from django_filters.views import FilterView

from .filters import PersonFilter
from .forms import PersonForm
from .models import Person


class StoreMixin(ModelFormMixin):
    """Lets a form say what is wrong when the database refuses to store it.

    If two requests store the same new name at once, both pass the checks of their form. The form of
    the second one is checked again, and finds the name.
    """

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                return super().form_valid(form)
        except IntegrityError:
            again = self.get_form()
            if again.is_valid():
                raise
            return self.form_invalid(again)


class PersonListView(FilterView):
    model = Person
    filterset_class = PersonFilter
    template_name_suffix = "_list"
    paginate_by = 20


class PersonDetailView(DetailView):
    model = Person


class PersonCreateView(PermissionRequiredMixin, StoreMixin, SuccessMessageMixin, CreateView):
    permission_required = "people.add_person"
    model = Person
    form_class = PersonForm
    success_message = _("%(name)s has been added.")


class PersonUpdateView(PermissionRequiredMixin, StoreMixin, SuccessMessageMixin, UpdateView):
    permission_required = "people.change_person"
    model = Person
    form_class = PersonForm
    success_message = _("%(name)s has been changed.")


class PersonDeleteView(PermissionRequiredMixin, SuccessMessageMixin, DeleteView):
    permission_required = "people.delete_person"
    model = Person
    template_name = "form.html"
    extra_context = {"title": _("Delete"), "text": _("This cannot be undone.")}
    success_message = _("The person has been deleted.")
    success_url = reverse_lazy("people:list")
