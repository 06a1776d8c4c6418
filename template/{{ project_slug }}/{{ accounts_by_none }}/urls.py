from django.conf import settings
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

login = LoginView.as_view(
    template_name="form.html", extra_context={"site": settings.SITE, "title": "Log in"}
)

urlpatterns = [
    path("login/", login, name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
]
