from typing import Any

from django_filters.rest_framework import DjangoFilterBackend
from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import ModelViewSet

from .filters import ClubFilter
from .models import Club
from .permissions import may
from .serializers import ClubSerializer, FoundingSerializer


class IsOwner(IsAuthenticated):
    """Every user may read, editors may write, and owners may change and delete their clubs."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return super().has_permission(request, view) and (
            request.method != "POST" or request.user.has_perm("clubs.add_club")
        )

    def has_object_permission(self, request: Request, view: Any, obj: Club) -> bool:
        action = "delete" if request.method == "DELETE" else "change"
        return request.method in SAFE_METHODS or may(request.user, action, obj)


class ClubViewSet(ModelViewSet):
    queryset = Club.objects.with_size()
    filter_backends = [DjangoFilterBackend]
    filterset_class = ClubFilter
    permission_classes = [IsOwner]
    throttle_scope = "burst"

    def get_serializer_class(self) -> type[BaseSerializer]:
        return FoundingSerializer if self.action == "create" else ClubSerializer

    def perform_create(self, serializer: BaseSerializer) -> None:
        serializer.save(owner=self.request.user)
