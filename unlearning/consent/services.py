"""Recording consent, and keeping its projection."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from unlearning.consent.models import ConsentEvent, ConsentState
from unlearning.lineage.models import Subject

PURPOSE = "recommendation"
"""What interactions are shared for."""

DEFAULT_NOTICE = "2026-01"
"""Privacy notice that events without a stated version refer to."""


@transaction.atomic
def record_consent(
    *,
    subject: Subject,
    share_percent: int,
    channel: str,
    recorded_by: str,
    effective_at: datetime | None = None,
    notice_version: str = DEFAULT_NOTICE,
    external_id: str | None = None,
) -> ConsentEvent:
    """Append a consent event and bring the projection up to date.

    This alone withdraws nothing: lowering the slider is `requests.services.move_slider`.

    Args:
        effective_at: from when the decision counts; None means now.
        external_id: the sender's id of the change; a second event under it is refused by the database.
    """
    event = ConsentEvent.objects.create(
        subject=subject,
        share_percent=share_percent,
        purposes=[PURPOSE],
        channel=channel,
        recorded_by=recorded_by,
        notice_version=notice_version,
        external_id=external_id,
        effective_at=effective_at or timezone.now(),
    )
    project(subject)
    return event


def project(subject: Subject) -> ConsentState:
    """Set the subject's state to its latest event by effective time, then by order of recording."""
    latest = subject.consent_events.order_by("-effective_at", "-id").first()
    state, _ = ConsentState.objects.update_or_create(
        subject=subject, defaults={"event": latest, "share_percent": latest.share_percent}
    )
    return state
