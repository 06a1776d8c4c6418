from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from .viewsets import ModelViewSet


class ErrorSerializer(serializers.Serializer):
    detail = serializers.CharField()


# What is invalid, by field. "detail" is about the whole request.
INVALID = ResolvedComponent(
    "Invalid",
    ResolvedComponent.SCHEMA,
    {"type": "object", "additionalProperties": {}},
    object="Invalid",
)


class ApiSchema(AutoSchema):
    """Describes, beside what a view returns, its errors and its ETags."""

    def get_override_parameters(self) -> list[Any]:
        if not self.has_etag():
            return super().get_override_parameters()
        parameters = [OpenApiParameter("ETag", str, "header", response=[200, 201])]
        if self.method in ("PUT", "PATCH", "DELETE"):
            text = "The ETag of the object that the client knows."
            parameters.append(OpenApiParameter("If-Match", str, "header", description=text))
        return parameters

    def has_etag(self) -> bool:
        return isinstance(self.view, ModelViewSet) and self.view.action != "list"

    def get_errors(self) -> dict[int, str]:
        """Return the statuses of the errors of the operation, and what they mean."""
        errors = {429: "Too many requests. Retry-After says when the next one may come."}
        has_body = self.method in ("POST", "PUT", "PATCH")
        is_list = self._is_list_view()
        if has_body or is_list:
            errors[400] = "The request is invalid."
        login = self.get_auth()
        if login and {} not in login:
            errors[401] = "There is no valid token, and no session."
            errors[403] = "The user may not do this."
        if is_list or "{" in self.path:
            errors[404] = "There is no such object or page."
        if has_body:
            errors[415] = "The body is not JSON."
        if has_body and self.has_etag():
            errors[409] = "The object conflicts with another one."
        if self.has_etag() and self.method in ("PUT", "PATCH", "DELETE"):
            errors[412] = "The object has changed since: If-Match names another state of it."
        return dict(sorted(errors.items()))

    def _get_response_bodies(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        answers: dict[str, Any] = super()._get_response_bodies(*args, **kwargs)
        self.registry.register_on_missing(INVALID)
        for status, text in self.get_errors().items():
            body = INVALID.ref if status == 400 else ErrorSerializer
            response = OpenApiResponse(body, text)
            described = self._get_response_for_code(response, str(status), ["application/json"])
            answers.setdefault(str(status), described)
        return answers
