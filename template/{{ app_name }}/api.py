"""Views of the API. They are closed unless they open themselves."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from rest_framework.generics import RetrieveAPIView

from .serializers import CurrentUserSerializer


class CurrentUserView(RetrieveAPIView):
    """Tell who the token or the session belongs to."""

    serializer_class = CurrentUserSerializer

    def get_object(self) -> AbstractBaseUser | AnonymousUser:
        return self.request.user
