"""Addresses of the site."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.i18n import set_language

from fedshare_site import health, metrics
from unlearning.api.base import NothingHere
from unlearning.api.clients import CleanTokenView

handler500 = "fedshare_site.errors.server_error"

urlpatterns = [
    path("health/live", health.live, name="live"),
    path("health/ready", health.ready, name="ready"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", include("unlearning.dashboard.urls")),
    path("language", set_language, name="set_language"),
    path("records/", admin.site.urls),
    path("api/v1/", include("unlearning.api.urls")),
    path("me/", include("unlearning.subject_page.urls")),
    path("", include("unlearning.connectors.urls")),
    re_path("^(webhooks|opendsr|drp)/", NothingHere.as_view()),
    path("", include("audits.urls")),
    path("oauth/token/", CleanTokenView.as_view(), name="token"),
]
