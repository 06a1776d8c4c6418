from django.contrib import admin

from .models import Person


@admin.register(Person)
class PersonAdmin(admin.ModelAdmin):
    list_display = ["name", "age", "email"]
    list_filter = ["age"]
    search_fields = ["name", "email"]
