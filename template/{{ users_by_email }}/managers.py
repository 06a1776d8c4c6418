from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.contrib.auth.base_user import BaseUserManager

if TYPE_CHECKING:
    from .models import User


class UserManager(BaseUserManager["User"]):
    """Creates and finds users by email address, whatever its case."""

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        return super().normalize_email(email).lower()

    def get_by_natural_key(self, username: str | None) -> "User":
        return super().get_by_natural_key(self.normalize_email(username))

    async def aget_by_natural_key(self, username: str | None) -> "User":
        return await super().aget_by_natural_key(self.normalize_email(username))

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Save and return a user. Without a password, the user cannot log in with one.

        Raises ValueError when the email address is empty.
        """
        if not email:
            raise ValueError("A user needs an email address.")
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """Save and return a user with every permission, including access to the admin."""
        rights = {"is_staff": True, "is_superuser": True}
        return self.create_user(email, password, **(fields | rights))

    async def acreate_user(self, *args: Any, **kwargs: Any) -> "User":
        return await sync_to_async(self.create_user)(*args, **kwargs)

    async def acreate_superuser(self, *args: Any, **kwargs: Any) -> "User":
        return await sync_to_async(self.create_superuser)(*args, **kwargs)
