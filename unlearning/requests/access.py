"""Everything about one customer, for an access request (GDPR art. 15), as data and as a PDF."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import timezone
from weasyprint import HTML, URLFetcher

from unlearning.consent import records
from unlearning.consent.models import Exclusion
from unlearning.lineage import tracing
from unlearning.lineage.models import Interaction, Subject
from unlearning.requests.models import Request
from unlearning.webhooks.outbox import recipients

_OWN_RESOURCES = URLFetcher(allowed_protocols=("data",))


def subject_export(subject: Subject) -> dict[str, Any]:
    """What is held of a customer, where it went, and what was asked back. They are named by their id here."""
    rows = Interaction.objects.filter(subject=subject).select_related("item").order_by("occurred_at", "pk")
    requests = Request.objects.filter(subjects__subject=subject).order_by("received_at")
    exclusions = Exclusion.objects.filter(subject=subject).select_related("item").order_by("pk")
    lineage = tracing.forward(subject)
    consented = subject.consent_events.exists()
    return {
        "controller": settings.FEDSHARE_CONTROLLER,
        "made_at": timezone.now(),
        "subject": subject.pk,
        "known_since": subject.created_at,
        "identifiers": sorted(set(subject.identifiers.values_list("kind", flat=True))),
        "consent_record": records.export(subject, settings.FEDSHARE_CONTROLLER) if consented else None,
        "corrected": [
            {"share_percent": one.share_percent, "effective_at": one.effective_at, "channel": one.channel}
            for one in subject.consent_events.filter(corrected_by__isnull=False).order_by("effective_at", "id")
        ],
        "taken_back_beside": [
            {"item": one.item.external_id} if one.item else {"since": one.since, "until": one.until}
            for one in exclusions
        ],
        "interactions": [
            {
                "item": row.item.external_id,
                "category": row.item.category,
                "time": row.occurred_at,
                "shared_from": row.shared_from,
                "kept_for_evaluation": row.held_out,
            }
            for row in rows
        ],
        "lineage": [asdict(one) | {"carries": one.carries} for one in lineage.reached],
        "being_forgotten": [asdict(one) | {"carries": one.carries} for one in lineage.leaving],
        "requests": [
            {
                "id": one.pk,
                "kind": one.kind,
                "scope": one.scope,
                "state": one.state,
                "received_at": one.received_at,
                "due_at": one.due_at,
                "rows_removed": one.rows_removed,
                "conclusion": one.conclusion,
                "completed_at": one.completed_at,
            }
            for one in requests
        ],
        "recommended": [
            {"version": str(one.version), "before": one.before, "after": one.after}
            for one in subject.samples.select_related("version__recommender")
        ],
        "recipients": recipients(),
        "retention_months": settings.FEDSHARE_RETENTION_MONTHS,
    }


def subject_pdf(subject: Subject) -> bytes:
    """The same to be read: tagged, for a screen reader as well."""
    found = subject_export(subject)
    events = subject.consent_events.filter(corrected_by=None).order_by("effective_at", "id")
    html = render_to_string("subject/export.html", found | {"events": events})
    return HTML(string=html, url_fetcher=_OWN_RESOURCES).write_pdf(pdf_variant="pdf/ua-1")
