from typing import Any

from allauth.account.views import EmailView as AllauthEmailView
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _


class EmailView(AllauthEmailView):
    """Refuses to make an address primary while another account, not yet verified, has it."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            with transaction.atomic():
                response: HttpResponse = super().post(request, *args, **kwargs)
        except IntegrityError:
            if "action_primary" not in request.POST:
                raise
            text = _(
                "Another account has this email address. Log out, reset the password of that account,"
                " and give it another address."
            )
            messages.error(request, text)
            return HttpResponseRedirect(self.success_url)
        return response
