from django.apps import AppConfig
from django.db.models.signals import post_delete, post_migrate
from django.utils.translation import gettext_lazy as _


class ClubsConfig(AppConfig):
    name = "clubs"
    verbose_name = _("clubs")

    def ready(self) -> None:
        from .signals import log_deletion, restore_editors

        for model in ["clubs.Club", "clubs.Membership", "people.Person"]:
            post_delete.connect(log_deletion, sender=model, dispatch_uid=f"clubs.log.{model}")
        post_migrate.connect(restore_editors, dispatch_uid="clubs.editors")
