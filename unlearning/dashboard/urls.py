"""Addresses of the dashboard."""

from django.contrib.auth.views import LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from unlearning.dashboard import evidence, home, recommenders, sign_in, subjects
from unlearning.dashboard.access import page
from unlearning.dashboard.requests import acting, bulk, listing, one, opening
from unlearning.dashboard.settings import clients, connectors, officers, policies, webhooks

app_name = "dashboard"

_requests = [
    path("", listing.requests, name="requests"),
    path("views", listing.save_view, name="save-view"),
    path("views/<int:view_id>/remove", listing.remove_view, name="remove-view"),
    path("bulk", bulk.bulk, name="bulk"),
    path("proposals/<int:proposal_id>/<str:answer>", acting.decide, name="decide"),
    path("<uuid:request_id>/", one.request_detail, name="request"),
    path("<uuid:request_id>/progress", one.request_progress, name="progress"),
    path("<uuid:request_id>/act/<slug:name>", acting.act, name="act"),
    path("<uuid:request_id>/report.pdf", one.report, name="report"),
    path("<uuid:request_id>/evidence.json", one.document, name="document"),
    path("<uuid:request_id>/<str:plot>.svg", one.plot, name="plot"),
]

_subjects = [
    path("", subjects.search, name="subjects"),
    path("<uuid:subject_id>/", subjects.subject, name="subject"),
    path("<uuid:subject_id>/history.svg", subjects.history_plot, name="history-plot"),
    path("<uuid:subject_id>/lineage.svg", subjects.lineage_plot, name="lineage-plot"),
    path("<uuid:subject_id>/export.json", subjects.export, {"form": "json"}, name="export-json"),
    path("<uuid:subject_id>/export.pdf", subjects.export, {"form": "pdf"}, name="export-pdf"),
    path("<uuid:subject_id>/link", subjects.make_link, name="make-link"),
    path("<uuid:subject_id>/ask", opening.open_request, name="open-request"),
]

_models = [
    path("", recommenders.models, name="models"),
    path("certifications/<uuid:certification_id>.svg", recommenders.certification_plot, name="certification-plot"),
    path("certifications/<uuid:certification_id>/curve.svg", recommenders.operating_plot, name="operating-plot"),
    path("<slug:name>/", recommenders.model, name="model"),
    path("<slug:name>/<int:number>/", recommenders.version, name="version"),
    path("<slug:name>/<int:number>/training.svg", recommenders.training_plot, name="training-plot"),
]

_evidence = [
    path("", evidence.issued, name="evidence"),
    path("archive.zip", evidence.archive, name="archive"),
    path("<int:document_id>.pdf", evidence.download, name="issued-report"),
    path("register", evidence.register, name="register"),
    path("check", evidence.check, name="check"),
    path("log", evidence.transparency, name="log"),
]

_settings = [
    path("", RedirectView.as_view(pattern_name="dashboard:policies"), name="settings"),
    path("policies", policies.policies, name="policies"),
    path("clients", clients.clients, name="clients"),
    path("clients/new", clients.new_client, name="new-client"),
    path("clients/<str:client_id>/", clients.change_client, name="change-client"),
    path("clients/<str:client_id>/rotate", clients.rotate_client, name="rotate-client"),
    path("clients/<str:client_id>/remove", clients.remove_client, name="remove-client"),
    path("connectors", connectors.connectors, name="connectors"),
    path("connectors/new", connectors.new_secret, name="new-secret"),
    path("connectors/<int:secret_id>/remove", connectors.remove_secret, name="remove-secret"),
    path("webhooks", webhooks.webhooks, name="webhooks"),
    path("webhooks/new", webhooks.new_webhook, name="new-webhook"),
    path("webhooks/<uuid:endpoint_id>/", webhooks.webhook, name="webhook"),
    path("webhooks/<uuid:endpoint_id>/change", webhooks.change_webhook, name="change-webhook"),
    path("webhooks/<uuid:endpoint_id>/remove", webhooks.remove_webhook, name="remove-webhook"),
    path("webhooks/<uuid:endpoint_id>/test", webhooks.test_webhook, name="test-webhook"),
    path("webhooks/<uuid:endpoint_id>/rotate", webhooks.rotate_webhook, name="rotate-webhook"),
    path("webhooks/<uuid:endpoint_id>/switch", webhooks.switch_webhook, name="switch-webhook"),
    path("webhooks/<uuid:endpoint_id>/<uuid:delivery_id>/replay", webhooks.replay, name="replay"),
    path("officers", officers.officers, name="officers"),
    path("officers/new", officers.new_officer, name="new-officer"),
    path("officers/<int:user_id>/", officers.change_officer, name="change-officer"),
    path("officers/<int:user_id>/reset", officers.reset_officer, name="reset-officer"),
    path("access", officers.access_log, name="access"),
]

_sign_in = [
    path("", sign_in.SignIn.as_view(), name="sign-in"),
    path("code", sign_in.second_factor, name="second-factor"),
    path("authenticator", sign_in.enrol, name="enrol"),
    path("password", page(writes=True)(sign_in.ChangePassword.as_view()), name="change-password"),
    path("password/<str:uidb64>/<str:token>/", sign_in.ChoosePassword.as_view(), name="choose-password"),
]

urlpatterns = [
    path("", home.home, name="home"),
    path("trends", home.trends, name="trends"),
    path("conclusions.svg", home.conclusions_plot, name="conclusions-plot"),
    path("consent.svg", home.consent_plot, name="consent-plot"),
    path("requests/", include(_requests)),
    path("subjects/", include(_subjects)),
    path("models/", include(_models)),
    path("evidence/", include(_evidence)),
    path("settings/", include(_settings)),
    path("sign-in/", include(_sign_in)),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
]
