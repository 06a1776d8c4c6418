from django.urls import path

from . import views

app_name = "oauth2"

urlpatterns = [
    path("authorize/", views.AuthorizationView.as_view(), name="authorize"),
    path("programs/", views.ProgramsView.as_view(), name="programs"),
    path("revoke/", views.RevokeTokenView.as_view(), name="revoke"),
    path("token/", views.TokenView.as_view(), name="token"),
]
