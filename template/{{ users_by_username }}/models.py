from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """Somebody who logs in by user name. Add here whatever else your users have."""
