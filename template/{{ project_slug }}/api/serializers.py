from copy import deepcopy
from typing import Any

from django.contrib.auth import get_user_model
from django.utils.translation import get_language
from rest_framework import serializers

User = get_user_model()


class ModelSerializer(serializers.ModelSerializer):
    """Derives its fields from the model once in each language: DRF does so for each request.

    So methods such as build_field() run only once. Each serializer has its own copies of the
    fields: get_fields() may change what super().get_fields() returns, for example by the request.
    """

    derived: dict[str | None, dict[str, Any]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.derived = {}
        for name in ("get_field_names", "get_extra_kwargs"):
            if getattr(cls, name) is not getattr(serializers.ModelSerializer, name):
                raise TypeError(f"{cls.__name__}.{name}() would run only once: use get_fields().")

    def get_fields(self) -> dict[str, Any]:
        language = get_language()
        if language not in self.derived:
            self.derived[language] = super().get_fields()
        return deepcopy(self.derived[language])


class CurrentUserSerializer(ModelSerializer):
    class Meta:
        model = User
        fields = ["id", User.USERNAME_FIELD, "first_name", "last_name"]
        read_only_fields = ["id", User.USERNAME_FIELD]
