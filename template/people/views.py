from django.contrib.auth.mixins import PermissionRequiredMixin
from django.contrib.messages.views import SuccessMessageMixin
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.views.generic import CreateView, DeleteView, DetailView, UpdateView
from django_filters.views import FilterView

from .filters import PersonFilter
from .forms import PersonForm
from .models import Person


class PersonListView(FilterView):
    model = Person
    filterset_class = PersonFilter
    template_name_suffix = "_list"
    paginate_by = 20


class PersonDetailView(DetailView):
    model = Person


class PersonCreateView(PermissionRequiredMixin, SuccessMessageMixin, CreateView):
    permission_required = "people.add_person"
    model = Person
    form_class = PersonForm
    success_message = _("%(name)s has been added.")


class PersonUpdateView(PermissionRequiredMixin, SuccessMessageMixin, UpdateView):
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
