"""Appending to the transparency log, and proving what is in it."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from audits.evidence.canonical import canonical_json
from audits.evidence.checkpoint import Checkpoint, offline_proof, sign
from audits.evidence.keys import log_key
from audits.evidence.merkle import inclusion_proof, leaf_hash, root_hash
from audits.evidence.models import LogEntry

_APPEND_LOCK = 0x6665647368617265  # "fedshare": one appender at a time keeps the index without gaps


def entry_bytes(kind: str, recorded_at: str, payload: dict[str, Any]) -> bytes:
    """The canonical form of an entry: what its leaf hash is taken over."""
    return canonical_json({"kind": kind, "payload": payload, "recorded_at": recorded_at})


@transaction.atomic
def append(kind: str, payload: dict[str, Any], recorded_at: datetime | None = None) -> LogEntry:
    """Append an entry, in the caller's transaction: if that rolls back, the entry never was.

    Args:
        payload: JSON-serialisable; salted commitments and numbers only.
        recorded_at: the moment that the entry states; None means now.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_APPEND_LOCK])
    last = LogEntry.objects.aggregate(last=Max("index"))["last"]
    recorded_at = recorded_at or timezone.now()
    return LogEntry.objects.create(
        index=0 if last is None else last + 1,
        recorded_at=recorded_at,
        kind=kind,
        payload=payload,
        leaf_hash=leaf_hash(entry_bytes(kind, recorded_at.isoformat(), payload)),
    )


def prove(entry: LogEntry) -> str:
    """An offline proof that the entry is in the log as it now stands."""
    leaves = [bytes(leaf) for leaf in LogEntry.objects.order_by("index").values_list("leaf_hash", flat=True)]
    note = sign(Checkpoint(settings.FEDSHARE_LOG_ORIGIN, len(leaves), root_hash(leaves)), log_key())
    return offline_proof(entry.index, inclusion_proof(entry.index, leaves), note)
