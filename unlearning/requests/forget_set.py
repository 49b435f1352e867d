"""The sealed forget set: withdrawn pairs, readable for the request's own job alone.

Forgetting and its check need the withdrawn pairs once more after the rows are gone. They are kept
encrypted under a key of the request, for this purpose, until the request ends.
"""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import numpy as np

from audits.evidence import sealing
from unlearning.lineage.datasets import Keys, Pairs
from unlearning.requests.models import Request, SealedForgetSet

_PURPOSE = "forget set"
_SECOND = 1_000_000
"""In microseconds."""


class WithdrawnRow(NamedTuple):
    """An interaction that leaves the live tables, as learning knew it."""

    subject: int
    item: int
    shared_from: int
    """Microseconds since 1970."""
    held_out: bool


def first_shared(rows: Iterable[WithdrawnRow]) -> datetime:
    """When the first of some rows was shared."""
    return datetime.fromtimestamp(min(row.shared_from for row in rows) / _SECOND, UTC)


@dataclass(frozen=True)
class ForgetSet:
    """What a request withdrew, by learning key."""

    pairs: Pairs
    """Pairs for training, each once."""
    shared_from: Keys
    """Microseconds since 1970, for each pair: versions frozen earlier never saw it."""
    erased_subjects: Keys
    """Subjects who leave entirely; empty for an unshare request."""
    removed_at: datetime
    """When the rows left the live tables: versions frozen later never saw them."""

    def learned_by(self, as_of: datetime) -> Pairs:
        """The pairs that data frozen at a moment contained."""
        seen = (self.shared_from <= round(as_of.timestamp() * _SECOND)) & (as_of < self.removed_at)
        return Pairs(self.pairs.subjects[seen], self.pairs.items[seen])


def sealed_forget_set(request: Request, rows: Iterable[WithdrawnRow], erased_subjects: list[int]) -> SealedForgetSet:
    """The rows of a request, encrypted, to be stored: they are nowhere else any more."""
    first: dict[tuple[int, int], int] = {}
    for row in rows:
        if not row.held_out:
            pair = (row.subject, row.item)
            first[pair] = min(row.shared_from, first.get(pair, row.shared_from))
    table = np.array([(*pair, moment) for pair, moment in sorted(first.items())], dtype=np.int64).reshape(-1, 3)
    buffer = io.BytesIO()
    np.savez(buffer, table=table, erased_subjects=np.array(sorted(erased_subjects), dtype=np.int64))
    key = sealing.new_key()
    return SealedForgetSet(
        request=request,
        wrapped_key=sealing.wrap(key),
        sealed=sealing.seal(key, buffer.getvalue(), f"{_PURPOSE} {request.id}"),
    )


def open_forget_set(request: Request) -> ForgetSet:
    """Decrypt a request's forget set.

    Raises:
        SealedForgetSet.DoesNotExist: the request has ended.
        ValueError: the sealed bytes were altered.
    """
    stored = SealedForgetSet.objects.get(request=request)
    key = sealing.unwrap(bytes(stored.wrapped_key))
    plain = sealing.unseal(key, bytes(stored.sealed), f"{_PURPOSE} {request.id}")
    with np.load(io.BytesIO(plain), allow_pickle=False) as arrays:
        subjects, items, shared_from = (column.copy() for column in arrays["table"].T)
        pairs = Pairs(subjects, items)
        return ForgetSet(pairs, shared_from, arrays["erased_subjects"], request.rows_removed_at)
