from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A user who logs in by user name. Add your own fields here."""
