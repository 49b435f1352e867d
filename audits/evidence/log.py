"""The transparency log: appending, giving entries their places, and proving what is in it."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, Q
from django.utils import timezone

from audits.evidence import witnessing
from audits.evidence.canonical import canonical_json
from audits.evidence.keys import log_key
from audits.evidence.models import LogCheckpoint, LogEntry, LogLeaf, LogNode
from audits.evidence.tlog import merkle
from audits.evidence.tlog.checkpoint import Checkpoint, offline_proof, sign
from audits.evidence.tlog.merkle import Growth, Place, leaf_hash
from audits.evidence.tlog.note import VerifierKey
from audits.evidence.tlog.witness import Fork

_SEQUENCE_LOCK = 0x6665647368617265  # "fedshare": one at a time gives places
_SIGN_LOCK = _SEQUENCE_LOCK + 1
_AT_ONCE = 10_000


def entry_json(kind: str, recorded_at: str, payload: dict[str, Any]) -> dict[str, Any]:
    """An entry as its leaf hash is taken over it, in canonical JSON."""
    return {"kind": kind, "payload": payload, "recorded_at": recorded_at}


def append(kind: str, payload: dict[str, Any], recorded_at: datetime | None = None) -> LogEntry:
    """Append an entry, in the caller's transaction: if that rolls back, the entry never was.

    Args:
        payload: salted commitments, digests and counts; no floats, whose spelling the database may change.
        recorded_at: the moment that the entry states; None means now.

    Raises:
        ValueError, TypeError: the payload has no canonical form. It is refused here, since nothing can be removed.
    """
    (entry,) = append_each([(kind, payload)], recorded_at)
    return entry


def append_each(entries: Sequence[tuple[str, dict[str, Any]]], recorded_at: datetime | None = None) -> list[LogEntry]:
    """Append entries of kind and payload in this order; as `append`."""
    for _, payload in entries:
        _assert_lasting(payload)
        canonical_json(payload)
    moment = recorded_at or timezone.now()
    return LogEntry.objects.bulk_create(
        LogEntry(kind=kind, payload=payload, recorded_at=moment) for kind, payload in entries
    )


def _assert_lasting(value: Any) -> None:
    if isinstance(value, float):
        raise TypeError("an entry of the log carries no floats: put a digest or a count")
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _assert_lasting(inner)


def sequence() -> int:
    """Give entries whose transactions are committed their places in the tree. Returns the log's size.

    What one transaction appends keeps its order, and so does what one appender commits after another commit.
    """
    while True:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SEQUENCE_LOCK])
            cursor.execute(
                "DELETE FROM audits_waitingentry WHERE entry_id IN "
                "(SELECT entry_id FROM audits_waitingentry ORDER BY entry_id LIMIT %s) RETURNING entry_id",
                [_AT_ONCE],
            )
            waiting = sorted(entry for (entry,) in cursor.fetchall())
            tree = _place(waiting)
        if len(waiting) < _AT_ONCE:
            return tree.size


def _place(waiting: Sequence[int]) -> Growth:
    """Put entries at the tree's end, in this order."""
    tree = Growth(size(), stored_nodes)
    if not waiting:
        return tree
    leaves, nodes = [], []
    for entry, kind, recorded_at, payload in (
        LogEntry.objects.filter(pk__in=waiting).order_by("pk").values_list("pk", "kind", "recorded_at", "payload")
    ):
        leaf = leaf_of_content(kind, recorded_at, payload)
        leaves.append((tree.size, entry, leaf))
        nodes += [(level, index, value) for (level, index), value in tree.add(leaf) if level]
    with connection.cursor() as cursor:
        for columns, rows in (
            ("audits_logleaf (index, entry_id, hash)", leaves),
            ("audits_lognode (level, index, hash)", nodes),
        ):
            with connection.wrap_database_errors, cursor.copy(f"COPY {columns} FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
    return tree


def leaf_of(entry: LogEntry) -> bytes:
    """The leaf hash of an entry, taken from its content."""
    return leaf_of_content(entry.kind, entry.recorded_at, entry.payload)


def leaf_of_content(kind: str, recorded_at: datetime, payload: dict[str, Any]) -> bytes:
    """The leaf hash of what an entry says."""
    return leaf_hash(canonical_json(entry_json(kind, recorded_at.isoformat(), payload)))


def size() -> int:
    """How many entries have their places."""
    last = LogLeaf.objects.aggregate(last=Max("index"))["last"]
    return 0 if last is None else last + 1


def stored_nodes(places: Sequence[Place]) -> dict[Place, bytes]:
    """Hashes of the tree's nodes, in two queries."""
    by_level: dict[int, list[int]] = defaultdict(list)
    for level, index in places:
        by_level[level].append(index)
    found: dict[Place, bytes] = {}
    if leaves := by_level.pop(0, []):
        rows = LogLeaf.objects.filter(index__in=leaves).values_list("index", "hash")
        found |= {(0, index): bytes(value) for index, value in rows}
    if by_level:
        wanted = reduce(or_, (Q(level=level, index__in=indices) for level, indices in by_level.items()))
        rows = LogNode.objects.filter(wanted).values_list("level", "index", "hash")
        found |= {(level, index): bytes(value) for level, index, value in rows}
    return found


def checkpoint() -> LogCheckpoint:
    """The log as it now stands, signed, and cosigned by the witnesses that are set.

    Call it outside of transactions: what a witness has seen must not be rolled back.

    Raises:
        Fork: a witness saw another past of this log.
    """
    with _alone():
        now = sequence()
        known = LogCheckpoint.objects.filter(size=now).first()
        if known:
            return known
        note = sign(Checkpoint(settings.FEDSHARE_LOG_ORIGIN, now, merkle.root(now, stored_nodes)), log_key())
        note += witnessing.cosignatures(note, lambda old: _continuing(old, now))
        return LogCheckpoint.objects.create(size=now, note=note)


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time signs, so that witnesses see sizes in their order; appenders don't wait for this."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_SIGN_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_SIGN_LOCK])


def consistency(old: int, new: int) -> list[bytes]:
    """Proof that the log of `old` entries begins the log of `new`; nothing is to be proven from the empty one.

    Raises:
        ValueError: it does not, or the log has not come so far.
    """
    if not 0 <= old <= new <= size():
        raise ValueError(f"{old} entries do not begin {new}, or the log has not come so far")
    return merkle.consistency_proof(old, new, stored_nodes) if old else []


def _continuing(old: int, now: int) -> list[bytes]:
    if old > now:
        raise Fork(f"a witness has cosigned {old} entries of this log, which has {now}: some were lost")
    return consistency(old, now)


def prove(entry: LogEntry, key: VerifierKey | None = None) -> str:
    """An offline proof that the entry is in the log; call it outside of the entry's transaction.

    Args:
        key: whose checkpoint it is to lead to, the log's present key or an earlier one; None means the present one.

    Raises:
        LookupError: no checkpoint of that key covers the entry.
    """
    latest = checkpoint()
    if key is None or signed_by(latest, key):
        return prove_by(entry, latest)
    index = LogLeaf.objects.get(entry=entry).index
    for point in LogCheckpoint.objects.filter(size__gt=index):
        if signed_by(point, key):
            return prove_by(entry, point)
    raise LookupError(f"no checkpoint by the key {key.name}+{key.hash.hex()} covers entry {index}")


def prove_by(entry: LogEntry, point: LogCheckpoint) -> str:
    """An offline proof that the entry was in the log at a checkpoint.

    Raises:
        ValueError: it was not there yet.
    """
    index = LogLeaf.objects.get(entry=entry).index
    return offline_proof(index, merkle.inclusion_proof(index, point.size, stored_nodes), point.note)


def signed_by(point: LogCheckpoint, key: VerifierKey) -> bool:
    """Whether a key of the log signed a checkpoint."""
    return bool(key.signatures_in(point.note))
