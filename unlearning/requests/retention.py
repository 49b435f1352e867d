"""How long evidence is kept: long enough to answer for, no longer (GDPR art. 5(1)(e); 11 CCR § 7101(a))."""

from datetime import datetime

from django.conf import settings
from django.core.files.storage import storages
from django.db import transaction

from audits.evidence import log
from audits.evidence.models import IssuedDocument
from audits.evidence.periods import months_after


def kept_until(completed_at: datetime) -> datetime:
    """End of the retention of what was issued then."""
    return months_after(completed_at, settings.FEDSHARE_RETENTION_MONTHS)


def end_retention(now: datetime) -> int:
    """Delete documents and reports whose retention is over. Returns how many documents went.

    Their log entries stay: digests, which let whoever holds a report still prove it. Certifications go with the
    models that they speak of, not with time.
    """
    over = [
        document
        for document in IssuedDocument.objects.filter(certification=None, issued_at__lt=now)
        if max(kept_until(document.issued_at), _stated(document)) <= now
    ]
    for document in over:
        _delete(document)
    return len(over)


def _stated(document: IssuedDocument) -> datetime:
    """What the document itself promised, should the setting have been lowered since."""
    stated = document.content.get("kept_until")
    return datetime.fromisoformat(stated) if stated else document.issued_at


def _delete(document: IssuedDocument) -> None:
    names = [report.name for report in document.reports.all()]
    with transaction.atomic():
        log.append("retention.ended", {"document": document.digest})
        document.delete()
    for name in names:
        storages["reports"].delete(name)
