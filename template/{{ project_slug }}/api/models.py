from django.conf import settings
from django.db import models


class TokenStamp(models.Model):
    """The password with which a user's tokens were issued. They end with another password."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+"
    )
    fingerprint = models.CharField(max_length=64)

    def __str__(self) -> str:
        return f"stamp of {self.user}"
