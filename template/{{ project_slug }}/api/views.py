from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from rest_framework.generics import RetrieveAPIView

from .serializers import CurrentUserSerializer


class CurrentUserView(RetrieveAPIView):
    """Return the user whom the token or the session belongs to."""

    serializer_class = CurrentUserSerializer

    def get_object(self) -> AbstractBaseUser | AnonymousUser:
        return self.request.user
