"""Names that differ only in case or Unicode form are one name, for every user model.

They are stored in one form, so the unique index of the database refuses a second one, whoever
writes it: forms, commands, fixtures, bulk_create(), update(). Lookups use this form, too: ADA and
full-width letters find ada. Letters of other alphabets that look alike stay different letters.
"""

from typing import Any
from unicodedata import normalize

from django.apps.registry import Apps
from django.apps.registry import apps as global_apps
from django.contrib.auth import get_user_model
from django.core.management import CommandError
from django.db import models


class NormalizedField(models.CharField):
    """Brings text into the normal form. Too long a text stays as it is, and is invalid."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not isinstance(text, str) or len(text) > (self.max_length or 0):
            return text
        # In the domain of an address, a German ß is not ss, so lower() must do.
        fold = str.lower if isinstance(self, models.EmailField) else str.casefold
        return normalize("NFKC", fold(normalize("NFKC", text)))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        name = self.to_python(super().pre_save(model_instance, add))
        setattr(model_instance, self.attname, name)
        return name


def name_field() -> models.Field:
    """Return the field of the user model that users log in with."""
    user = get_user_model()
    return user._meta.get_field(user.USERNAME_FIELD)  # type: ignore[return-value]


def normalize_field(field: models.Field) -> None:
    """Turn the field of a model, which may be another package's, into a NormalizedField.

    Its class keeps its name: migrations must not see a change.
    """
    cls = type(field)
    if not issubclass(cls, NormalizedField):
        names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
        field.__class__ = type(cls.__name__, (NormalizedField, cls), names)


def normalize_stored(using: str, apps: Apps = global_apps, **kwargs: Any) -> None:
    """Normalize the names that earlier releases stored. Runs at the end of each migrate command.

    Raises CommandError, and changes nothing, if users would get the same name.
    """
    field = name_field()
    try:
        model = apps.get_model(field.model._meta.label)
    except LookupError:  # migrate was told to stop before there is a table
        return
    users = model._base_manager.using(using)
    stored = users.values_list("pk", field.attname).iterator()
    changed = {pk: name for pk, name in stored if name != field.to_python(name)}
    if not changed:
        return
    owners: dict[str, list[str]] = {}
    for name in changed.values():
        owners.setdefault(field.to_python(name), []).append(name)
    for name in users.filter(**{f"{field.attname}__in": owners}).values_list(
        field.attname, flat=True
    ):
        owners[name].append(name)
    same = [", ".join(names) for names in owners.values() if len(names) > 1]
    if same:
        raise CommandError(
            "These names differ only in case or Unicode form: "
            + "; ".join(same)
            + ". Rename or delete users until one of each is left, and run migrate again."
        )
    for pk, name in changed.items():
        users.filter(pk=pk).update(**{field.attname: field.to_python(name)})
