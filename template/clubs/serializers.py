from typing import Any

from rest_framework import serializers

from people.models import Person

from .models import Club


class ClubSerializer(serializers.ModelSerializer):
    size = serializers.IntegerField(read_only=True)

    class Meta:
        model = Club
        fields = ["id", "name", "kind", "owner", "size"]
        read_only_fields = ["owner"]


class FoundingSerializer(ClubSerializer):
    president = serializers.PrimaryKeyRelatedField(queryset=Person.objects.all(), write_only=True)

    class Meta(ClubSerializer.Meta):
        fields = [*ClubSerializer.Meta.fields, "president"]

    def create(self, validated_data: dict[str, Any]) -> Club:
        club = Club.objects.found(**validated_data)
        return Club.objects.with_size().get(pk=club.pk)
