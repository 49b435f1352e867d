"""Recording consent, and keeping its projection."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

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
    categories: Sequence[str] | None = None,
    purposes: Sequence[str] = (PURPOSE,),
    effective_at: datetime | None = None,
    notice_version: str = DEFAULT_NOTICE,
    external_id: str | None = None,
    corrects: ConsentEvent | None = None,
) -> ConsentEvent:
    """Append a consent event and bring the projection up to date.

    This alone withdraws nothing: `requests.deciding.decide` does, for what the state in force no longer covers.

    Args:
        categories: of items that it covers; None means every one.
        effective_at: from when the decision counts; None means now. A moment ahead, by a sender's clock, counts as now:
            what is decided next must not count as earlier. A late event, effective before others that are on
            record, changes the history and not the decision in force.
        external_id: the sender's id of the change; a second event under it is refused by the database.
        corrects: an event of the same subject that was recorded wrongly and counts no longer.
    """
    now = timezone.now()
    event = ConsentEvent.objects.create(
        subject=subject,
        share_percent=share_percent,
        categories=None if categories is None else sorted(set(categories)),
        purposes=list(purposes),
        channel=channel,
        recorded_by=recorded_by,
        notice_version=notice_version,
        external_id=external_id,
        effective_at=min(effective_at or now, now),
        corrects=corrects,
    )
    project(subject)
    return event


def project(subject: Subject) -> None:
    """Set the subject's state to what its events say."""
    expected = projected(subject)
    if expected is None:
        ConsentState.objects.filter(subject=subject).delete()
    else:
        ConsentState.objects.bulk_create(
            [ConsentState(subject=subject, **expected)],
            update_conflicts=True,
            unique_fields=["subject"],
            update_fields=list(expected),
        )


def projected(subject: Subject) -> dict[str, Any] | None:
    """The state that follows from the events: the latest for the purpose by effective time, then by recording.

    None where no event speaks of the purpose: what was decided for another one says nothing about this.
    """
    events = subject.consent_events.filter(corrected_by=None, purposes__contains=[PURPOSE])
    latest = events.order_by("-effective_at", "-id").first()
    if latest is None:
        return None
    return {"event": latest, "share_percent": latest.share_percent, "categories": latest.categories}


def rebuild(*, write: bool) -> tuple[int, int]:
    """Rebuild every subject's state from its events.

    Args:
        write: bring the states up to date; else they are compared alone.

    Returns:
        How many subjects have events, and how many of them had another state than their events say.
    """
    total = differing = 0
    decided = Subject.objects.filter(consent_events__isnull=False).distinct().order_by("pk")
    for subject in decided.iterator(chunk_size=2000):
        with transaction.atomic():
            Subject.objects.select_for_update(no_key=True).get(pk=subject.pk)
            expected, found = projected(subject), ConsentState.objects.filter(subject=subject).first()
            total += 1
            if (found is None) != (expected is None) or any(
                getattr(found, name) != value for name, value in (expected or {}).items()
            ):
                differing += 1
                if write:
                    project(subject)
    return total, differing
