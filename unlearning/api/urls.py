"""Addresses of `/api/v1`."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from unlearning.api import views

app_name = "api"
urlpatterns = [
    path("consents", views.ConsentsView.as_view(), name="consents"),
    path("requests", views.RequestsView.as_view(), name="requests"),
    path("requests/<uuid:request_id>", views.RequestView.as_view(), name="request"),
    path("requests/<uuid:request_id>/evidence", views.EvidenceView.as_view(), name="evidence"),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
]
