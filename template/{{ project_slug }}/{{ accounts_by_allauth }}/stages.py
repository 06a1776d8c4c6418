from typing import Any

from allauth.account import stages

from .adapter import must_verify_email


class EmailVerificationStage(stages.EmailVerificationStage):
    """Lets users without any address log in: only admins create such accounts."""

    def handle(self) -> Any:
        if self.login.user and not must_verify_email(self.login.user, self.login.email):
            return None, True
        return super().handle()
