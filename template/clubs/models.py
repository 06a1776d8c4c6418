from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from people.models import Person

MAX_SEATS = 10_000


class TimeStamped(models.Model):
    """What the other models have in common; it has no table of its own."""

    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        abstract = True


# Of people: how many there are, and how old they are on average.
FIGURES = {"people": models.Count("pk"), "age": models.Avg("age")}


class ClubQuerySet(models.QuerySet["Club"]):
    def with_size(self) -> "ClubQuerySet":
        """Give each club the number of its members, as size.

        Counting groups the rows, and then the ordering of the model does not hold.
        """
        return self.annotate(size=models.Count("members")).order_by("name")


class ClubManager(models.Manager.from_queryset(ClubQuerySet)):  # type: ignore[misc]
    @transaction.atomic
    def found(
        self,
        *,
        owner: AbstractBaseUser,
        president: Person,
        address: str = "",
        seats: int | None = None,
        **fields: Any,
    ) -> "Club":
        """Save and return a club, with its president and its house: all of them, or nothing.

        address and seats: those of the house, where it has one. fields: what else a club has.
        """
        club: Club = self.create(owner=owner, **fields)
        Membership.objects.create(club=club, person=president, role=Membership.Role.PRESIDENT)
        if address and seats is not None:
            House.objects.create(club=club, address=address, seats=seats)
        return club


class Club(TimeStamped):
    class Kind(models.TextChoices):
        GAMES = "games", _("Games")
        MUSIC = "music", _("Music")
        READING = "reading", _("Reading")
        SPORTS = "sports", _("Sports")

    name = models.CharField(_("name"), max_length=100, unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="clubs",
        verbose_name=_("owner"),
    )
    members = models.ManyToManyField(
        Person, through="Membership", related_name="clubs", verbose_name=_("members")
    )

    objects = ClubManager()

    class Meta:
        verbose_name = _("club")
        verbose_name_plural = _("clubs")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("clubs:detail", args=[self.pk])


class House(TimeStamped):
    """Where a club meets; some have none."""

    club = models.OneToOneField(
        Club, on_delete=models.CASCADE, related_name="house", verbose_name=_("club")
    )
    address = models.CharField(_("address"), max_length=200)
    seats = models.PositiveSmallIntegerField(
        _("seats"), validators=[MinValueValidator(1), MaxValueValidator(MAX_SEATS)]
    )

    class Meta:
        verbose_name = _("house")
        verbose_name_plural = _("houses")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(seats__range=(1, MAX_SEATS)), name="clubs_house_seats_in_range"
            ),
        ]

    def __str__(self) -> str:
        return self.address


class Membership(TimeStamped):
    """What a person is in a club."""

    class Role(models.TextChoices):
        MEMBER = "member", _("Member")
        TREASURER = "treasurer", _("Treasurer")
        PRESIDENT = "president", _("President")

    club = models.ForeignKey(
        Club, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("club")
    )
    person = models.ForeignKey(
        Person, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("person")
    )
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.MEMBER)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["person__name", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["club", "person"],
                name="clubs_membership_is_unique",
                violation_error_message=_("This person is a member already."),
            ),
            models.UniqueConstraint(
                fields=["club"],
                condition=models.Q(role="president"),
                name="clubs_membership_one_president",
                violation_error_message=_("The club has a president already."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}, {self.get_role_display()}"
