"""Addresses of `/api/v1`."""

from django.urls import path, re_path
from drf_spectacular.views import SpectacularJSONAPIView

from unlearning.api import (
    consents,
    interactions,
    jobs,
    lineage,
    reference,
    request_actions,
    requests,
    subjects,
    webhooks,
)
from unlearning.api.base import NothingHere

app_name = "api"

_SUBJECT, _REQUEST, _WEBHOOK = "subjects/<uuid:subject_id>", "requests/<uuid:request_id>", "webhooks/<uuid:endpoint_id>"

urlpatterns = [
    path("subjects", subjects.Subjects.as_view(), name="subjects"),
    path("subjects/lookup", subjects.Lookup.as_view(), name="subject-lookup"),
    path(_SUBJECT, subjects.OneSubject.as_view(), name="subject"),
    path(f"{_SUBJECT}/consents", subjects.SubjectConsents.as_view(), name="subject-consents"),
    path(f"{_SUBJECT}/consent-record", subjects.ConsentRecord.as_view(), name="consent-record"),
    path(f"{_SUBJECT}/link", subjects.Link.as_view(), name="subject-link"),
    path(f"{_SUBJECT}/lineage", subjects.SubjectLineage.as_view(), name="subject-lineage"),
    path(f"{_SUBJECT}/export", subjects.SubjectExport.as_view(), name="subject-export"),
    path("consents", consents.Consents.as_view(), name="consents"),
    path("consent-records", consents.ConsentRecords.as_view(), name="consent-records"),
    path("interactions", interactions.Interactions.as_view(), name="interactions"),
    path("requests", requests.Requests.as_view(), name="requests"),
    path(_REQUEST, requests.OneRequest.as_view(), name="request"),
    path(f"{_REQUEST}/events", requests.Events.as_view(), name="request-events"),
    path(f"{_REQUEST}/evidence", requests.Evidence.as_view(), name="evidence"),
    path(f"{_REQUEST}/cancel", request_actions.Cancellation.as_view(), name="cancel"),
    path(f"{_REQUEST}/verify-identity", request_actions.IdentityCheck.as_view(), name="verify-identity"),
    path(f"{_REQUEST}/hold", request_actions.Hold.as_view(), name="hold"),
    path(f"{_REQUEST}/release", request_actions.Release.as_view(), name="release"),
    path(f"{_REQUEST}/extend", request_actions.ExtensionOfPeriod.as_view(), name="extend"),
    path(f"{_REQUEST}/refuse", request_actions.Refusal.as_view(), name="refuse"),
    path("jobs", jobs.Jobs.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>/pause", jobs.Pause.as_view(), name="pause-job"),
    path("jobs/<uuid:job_id>/continue", jobs.GoOn.as_view(), name="continue-job"),
    path("jobs/<uuid:job_id>/cancel", jobs.CancelJob.as_view(), name="cancel-job"),
    path("versions/<slug:recommender>/<int:number>/lineage", lineage.VersionLineage.as_view(), name="version-lineage"),
    path("lineage/events", lineage.RunEvents.as_view(), name="lineage-events"),
    path("webhooks", webhooks.Webhooks.as_view(), name="webhooks"),
    path("webhooks/events", webhooks.Catalogue.as_view(), name="webhook-events"),
    path(_WEBHOOK, webhooks.OneWebhook.as_view(), name="webhook"),
    path(f"{_WEBHOOK}/rotate", webhooks.Rotation.as_view(), name="webhook-rotate"),
    path(f"{_WEBHOOK}/test", webhooks.Test.as_view(), name="webhook-test"),
    path(f"{_WEBHOOK}/deliveries", webhooks.Deliveries.as_view(), name="deliveries"),
    path(f"{_WEBHOOK}/deliveries/<uuid:delivery_id>/replay", webhooks.Replay.as_view(), name="replay"),
    path("schema", SpectacularJSONAPIView.as_view(), name="schema"),
    path("", reference.page, name="reference"),
    re_path(r".*", NothingHere.as_view()),
]
