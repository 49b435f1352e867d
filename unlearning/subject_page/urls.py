"""Address of the customer's page."""

from django.urls import path

from unlearning.subject_page import views

app_name = "subject"
urlpatterns = [path("<str:token>/", views.page, name="page")]
