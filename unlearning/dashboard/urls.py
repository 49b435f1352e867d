"""Addresses of the dashboard."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from unlearning.dashboard import reports, views

app_name = "dashboard"
urlpatterns = [
    path("", views.requests, name="requests"),
    path("requests/<uuid:request_id>/", views.request_detail, name="request"),
    path("requests/<uuid:request_id>/progress", views.request_progress, name="progress"),
    path("requests/<uuid:request_id>/job/<str:action>", views.control_job, name="control-job"),
    path("requests/<uuid:request_id>/report.pdf", views.report, name="report"),
    path("requests/<uuid:request_id>/<str:plot>.svg", views.plot, name="plot"),
    path("reports/", reports.issued, name="reports"),
    path("reports/<int:document_id>.pdf", reports.download, name="issued-report"),
    path("reports/register", reports.register, name="register"),
    path("reports/check", reports.verify, name="verify"),
    path("sign-in/", LoginView.as_view(template_name="dashboard/sign_in.html"), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
]
