from django.urls import path

from . import views

app_name = "clubs"

urlpatterns = [
    path("", views.ClubListView.as_view(), name="list"),
    path("figures/", views.figures, name="figures"),
    path("found/", views.ClubFoundView.as_view(), name="found"),
    path("<int:pk>/", views.ClubDetailView.as_view(), name="detail"),
    path("<int:pk>/change/", views.ClubUpdateView.as_view(), name="change"),
    path("<int:pk>/delete/", views.ClubDeleteView.as_view(), name="delete"),
    path("<int:pk>/members/add/", views.MemberAddView.as_view(), name="add_member"),
    path("<int:pk>/members/<int:member>/remove/", views.remove_member, name="remove_member"),
]
