from django.core.validators import MaxValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

MAX_AGE = 150


class Person(models.Model):
    name = models.CharField(_("name"), max_length=100)
    age = models.PositiveSmallIntegerField(_("age"), validators=[MaxValueValidator(MAX_AGE)])
    email = models.EmailField(_("email address"), unique=True)

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["name", "pk"]
        constraints = [
            # Only forms run validators. The constraint also checks every other write.
            models.CheckConstraint(
                condition=models.Q(age__lte=MAX_AGE),
                name="people_person_age_in_range",
                violation_error_message=_("Nobody is that old."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("people:detail", args=[self.pk])
