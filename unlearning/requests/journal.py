"""The journal of erasures, outside of the database: after a restore from a backup every erasure is repeated.

One line for each request, flushed to disk before the erasure commits, with those of its transaction. It names subjects
by a keyed digest of their identity digest, under a key of its own: against the live tables the service can tell who is
meant, and nobody else can.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass

from django.conf import settings

from audits.evidence import sealing
from unlearning.lineage.models import Subject
from unlearning.requests.models import Request

_NAME = "erasures.jsonl"
_CUT_OFF = " (cut off)"
_CUT = f"{_CUT_OFF}\n"
"""Ends a line that was cut off before it was whole, so that the next one stands by itself and a damaged one is told."""
_closed: ContextVar[bool] = ContextVar("closed", default=False)


@dataclass(frozen=True)
class Line:
    """An erasure, as the journal has it."""

    request: str
    regime: str
    received_at: str
    subjects: list[str]
    suppressions: list[str]


def write(erasures: Iterable[tuple[Request, Sequence[Subject]]]) -> None:
    """Put erasures into the journal; call it last in the transaction that accepts them."""
    if _closed.get():
        return
    text = "".join(f"{json.dumps(asdict(_line(request, subjects)))}\n" for request, subjects in erasures)
    if not text:
        return
    settings.FEDSHARE_JOURNAL.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.FEDSHARE_JOURNAL / _NAME
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        cut_off = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"  # by a kill, or a full disk
        record = f"{_CUT if cut_off else ''}{text}".encode()
        try:
            if os.write(descriptor, record) != len(record):
                raise OSError(errno.ENOSPC, "the journal of erasures could not be written to its end", path.name)
            os.fdatasync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)  # lines that are whole would count, and none of these is to commit
            raise
    finally:
        os.close(descriptor)


def _line(request: Request, subjects: Sequence[Subject]) -> Line:
    digests = [bytes(subject.identity_digest) for subject in subjects]
    return Line(
        request=str(request.id),
        regime=request.regime,
        received_at=request.received_at.isoformat(),
        subjects=[sealing.journal_digest(digest).hex() for digest in digests],
        suppressions=[sealing.suppression_digest(digest).hex() for digest in digests],
    )


def lines() -> Iterator[Line]:
    """Every erasure, in the order of acceptance.

    Raises:
        ValueError: a line is damaged; the message names it. One that was cut off as it was written is passed over: its
            erasure never committed.
    """
    path = settings.FEDSHARE_JOURNAL / _NAME
    content = path.read_text().split("\n") if path.exists() else [""]
    for number, text in enumerate(content[:-1], start=1):
        if text.endswith(_CUT_OFF):
            continue
        try:
            yield Line(**json.loads(text))
        except (TypeError, ValueError):
            raise ValueError(f"{path.name}, line {number}: this is no erasure; restore the journal's copy") from None


@contextmanager
def closed() -> Iterator[None]:
    """Write nothing within: for erasures that will be rolled back on purpose."""
    token = _closed.set(True)
    try:
        yield
    finally:
        _closed.reset(token)
