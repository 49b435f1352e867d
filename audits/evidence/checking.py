"""Checking the whole log: every entry against its leaf, every node, and every checkpoint that was signed."""

import json
from collections.abc import Callable, Container

from django.db import connection

from audits.evidence import log
from audits.evidence.keys import log_verifier_keys
from audits.evidence.models import LogCheckpoint
from audits.evidence.tlog.checkpoint import Checkpoint, open_note
from audits.evidence.tlog.merkle import Growth, Place
from audits.evidence.tlog.note import ProofError, VerifierKey

_AT_ONCE = 20_000


class LogDamaged(ValueError):
    """The log is not what it was; the message names the first place."""


def check_log(progress: Callable[[float], None]) -> int:
    """Compute the tree anew from its entries, and compare. Returns how many entries there are.

    Args:
        progress: called with the part that is done.

    Raises:
        LogDamaged: an entry, a node or a checkpoint does not fit.
    """
    # In this order, so that what is signed meanwhile is not missed in the tree.
    checkpoints = {point.size: point for point in LogCheckpoint.objects.all()}
    size = log.size()
    longest = max(checkpoints, default=0)
    if longest > size:
        raise LogDamaged(f"a checkpoint of {longest} entries was signed, and there are {size}: some were lost")
    keys = log_verifier_keys()
    tree = Growth(0, lambda places: {})
    roots = {0: tree.root()}
    while tree.size < size:
        _assert_stored(_grown(tree, min(tree.size + _AT_ONCE, size), checkpoints, roots))
        progress(tree.size / size)
    for point in checkpoints.values():
        _assert_signed(point, roots[point.size], keys)
    if _stored_nodes(size) != size - size.bit_count():
        raise LogDamaged("there are nodes that belong to no entry")
    return size


def _stored_nodes(size: int) -> int:
    """How many nodes above the leaves are stored over the first entries."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audits_lognode WHERE ((index + 1) << level) <= %s", [size])
        return cursor.fetchone()[0]


def _grown(tree: Growth, end: int, asked: Container[int], roots: dict[int, bytes]) -> dict[Place, bytes]:
    """The nodes that the next entries complete, computed from the entries; roots at the sizes that are asked for."""
    computed: dict[Place, bytes] = {}
    for index, kind, recorded_at, payload in _entries(tree.size, end):
        if index != tree.size:
            raise LogDamaged(f"entry {tree.size} is missing")
        computed.update(tree.add(log.leaf_of_content(kind, recorded_at, payload)))
        if tree.size in asked:
            roots[tree.size] = tree.root()
    if tree.size != end:
        raise LogDamaged(f"entry {tree.size} is missing")
    return computed


def _entries(start: int, end: int) -> list[tuple]:
    """Index, kind, moment and payload, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT leaf.index, entry.kind, entry.recorded_at, entry.payload FROM audits_logleaf leaf "
            "JOIN audits_logentry entry ON entry.id = leaf.entry_id "
            "WHERE leaf.index >= %s AND leaf.index < %s ORDER BY leaf.index",
            [start, end],
        )
        return [(*row[:3], _json(row[3])) for row in cursor.fetchall()]


def _json(value: object) -> object:
    # Django's connection hands out JSON as text, for its own field to parse.
    return json.loads(value) if isinstance(value, str) else value


def _assert_stored(computed: dict[Place, bytes]) -> None:
    stored = log.stored_nodes(list(computed))
    for place, value in computed.items():
        if stored.get(place) != value:
            level, index = place
            what = f"entry {index}" if level == 0 else f"node {index} on level {level}"
            raise LogDamaged(f"{what} is not what it was")


def _assert_signed(point: LogCheckpoint, root: bytes, keys: list[VerifierKey]) -> None:
    stated = Checkpoint.parse(point.note)
    if (stated.size, stated.root) != (point.size, root):
        raise LogDamaged(f"the log at {point.size} entries is not the one whose checkpoint was signed")
    for key in keys:
        try:
            open_note(point.note, key)
        except ProofError:
            continue
        return
    raise LogDamaged(f"the checkpoint of {point.size} entries is signed by none of the log's keys")
