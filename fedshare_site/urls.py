"""Addresses of the site."""

from django.urls import include, path
from oauth2_provider.views import TokenView

urlpatterns = [
    path("", include("unlearning.dashboard.urls")),
    path("api/v1/", include("unlearning.api.urls")),
    path("me/", include("unlearning.subject_page.urls")),
    path("", include("unlearning.connectors.urls")),
    path("", include("audits.urls")),
    path("oauth/token/", TokenView.as_view(), name="token"),
]
