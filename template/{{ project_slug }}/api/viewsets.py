"""The base class of the view sets of your apps.

Its lists can be filtered and ordered: filterset_class names the filters, ordering_fields the fields.
Its objects have an ETag. A client that sends it back in If-Match changes or deletes the object only
if nobody else has changed it since: otherwise, the response is 412.
"""

from hashlib import sha256
from typing import Any

from django.db import transaction
from django.utils.http import parse_etags
from rest_framework import viewsets
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from .exceptions import PreconditionFailed
from .filters import KnownParametersMixin, ListFilterBackend, StrictOrderingFilter


def get_etag(data: Any) -> str:
    return f'"{sha256(JSONRenderer().render(data)).hexdigest()[:32]}"'


def names(header: str, etag: str) -> bool:
    """Return whether a header names an ETag. A proxy that compresses responses makes ETags weak."""
    given = [tag.removeprefix("W/") for tag in parse_etags(header)]
    return "*" in given or etag in given


class ModelViewSet(KnownParametersMixin, viewsets.ModelViewSet):
    filter_backends = [ListFilterBackend, StrictOrderingFilter]
    ordering_fields: list[str] = []

    def finalize_response(
        self, request: Request, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        if self.action in ("create", "retrieve", "update", "partial_update") and (
            response.status_code in (200, 201)
        ):
            etag = get_etag(response.data)
            if self.action == "retrieve" and names(request.headers.get("If-None-Match", ""), etag):
                response = Response(status=304)
            response["ETag"] = etag
        return super().finalize_response(request, response, *args, **kwargs)

    def update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            self.check_if_match()
            return super().update(request, *args, **kwargs)

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        with transaction.atomic():
            self.check_if_match()
            return super().destroy(request, *args, **kwargs)

    def check_if_match(self) -> None:
        """Lock the object, and raise PreconditionFailed if If-Match names another state of it."""
        if "If-Match" not in self.request.headers:
            return
        # Not the queryset of the view: databases do not lock the rows of aggregates.
        rows = self.get_queryset().model._base_manager.filter(pk=self.get_object().pk)
        list(rows.select_for_update().values_list("pk"))
        current = get_etag(self.get_serializer(self.get_object()).data)
        if not names(self.request.headers["If-Match"], current):
            raise PreconditionFailed
