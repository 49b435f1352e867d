"""The register: what was asked and answered in a period (GDPR art. 5(2) and 30; 11 CCR § 7101)."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from audits.evidence.document import REGISTER
from audits.evidence.issuing import issue
from audits.evidence.models import IssuedDocument
from audits.reports.signer import signer_fingerprint
from audits.reports.verify.consistency import counted, in_time
from models_engine.registry.models import Recommender
from unlearning.consent.models import ConsentEvent
from unlearning.lineage.models import Interaction, Item, Subject
from unlearning.requests import deadlines
from unlearning.requests.models import Request
from unlearning.webhooks.outbox import recipients


@transaction.atomic
def issue_register(start: datetime, end: datetime) -> IssuedDocument:
    """Put the register of a period on record.

    Args:
        start, end: the requests received from the one until before the other.

    Raises:
        ValueError: the period ends before it begins, or has not begun.
    """
    if end <= start:
        raise ValueError("until: it must lie after from")
    now = timezone.now()
    if start > now:
        raise ValueError("from: this period has not begun")
    found = Request.objects.filter(received_at__gte=start, received_at__lt=end).select_related("evidence")
    requests = [_row(request, now) for request in found.annotate(members=Count("subjects")).order_by("received_at")]
    content = {
        "period": {
            "from": start.astimezone(UTC).isoformat(),
            "until": end.astimezone(UTC).isoformat(),
            "zone": settings.FEDSHARE_TIME_ZONE,
        },
        "processing": _processing(),
        "recipients": recipients(),
        "requests": requests,
        "totals": counted(requests),
    }
    return issue(REGISTER, uuid4(), signer_fingerprint(), content, now)


def _row(request: Request, now: datetime) -> dict[str, Any]:
    row = {
        "id": str(request.id),
        "kind": request.kind,
        "regime": request.regime,
        "manner": request.manner,
        "source": request.source,
        "subjects": request.members,
        "received_at": request.received_at.isoformat(),
        "due_at": request.due_at.isoformat(),
        "deadline": deadlines.as_json(request),
        "rows_removed": request.rows_removed,
        "rows_removed_at": request.rows_removed_at and request.rows_removed_at.isoformat(),
        "state": request.state,
        "conclusion": request.conclusion,
        "answered_at": _answered_at(request),
        "denial": request.denial or None,
        "document": request.evidence and request.evidence.digest,
    }
    return row | {"in_time": in_time(row, now)}


def _answered_at(request: Request) -> str | None:
    answered = request.completed_at or (request.closed_at if request.denial else None)
    return answered and answered.isoformat()


def _processing() -> dict[str, Any]:
    """The processing as it stands (GDPR art. 30(1))."""
    events = ConsentEvent.objects
    return {
        "purposes": sorted({purpose for purposes in events.values_list("purposes", flat=True) for purpose in purposes}),
        "legal_bases": sorted(set(events.values_list("legal_basis", flat=True))),
        "notices": sorted(set(events.values_list("notice_version", flat=True))),
        "subjects": Subject.objects.filter(erased_at=None).count(),
        "interactions": Interaction.objects.count(),
        "items": Item.objects.count(),
        "recommenders": sorted(Recommender.objects.exclude(serving=None).values_list("name", flat=True)),
        "retention_months": settings.FEDSHARE_RETENTION_MONTHS,
    }
