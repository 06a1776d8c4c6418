from django.contrib.auth import get_user_model
from rest_framework import serializers

User = get_user_model()


class CurrentUserSerializer(serializers.ModelSerializer):
    class Meta:
        model = User
        fields = ["id", User.USERNAME_FIELD, "first_name", "last_name"]
        read_only_fields = ["id", User.USERNAME_FIELD]
