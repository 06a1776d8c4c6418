from typing import Any

from allauth.account import forms
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from .background import run_in_background


class SignupForm(forms.SignupForm):
    """Takes equally long whether the address is new or has an account."""

    def try_save(self, request: HttpRequest) -> Any:
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
        return super().try_save(request)


class ResetPasswordForm(forms.ResetPasswordForm):
    """Looks up the account in the background, so that responses do not reveal whether it exists."""

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        return email

    def save(self, request: HttpRequest, **kwargs: Any) -> str:
        run_in_background(self.look_up_and_send, request)
        return self.clean_email()

    def look_up_and_send(self, request: HttpRequest) -> None:
        super().clean_email()
        super().save(request)
