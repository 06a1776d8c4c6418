from django.urls import path

from . import views

app_name = "people"

urlpatterns = [
    path("", views.PersonListView.as_view(), name="list"),
    path("add/", views.PersonCreateView.as_view(), name="add"),
    path("<int:pk>/", views.PersonDetailView.as_view(), name="detail"),
    path("<int:pk>/change/", views.PersonUpdateView.as_view(), name="change"),
    path("<int:pk>/delete/", views.PersonDeleteView.as_view(), name="delete"),
]
