"""Group commit: erasures that reach a process at the same time are opened in one transaction.

Most of what an acceptance costs is the same for one as for many: statements, locks, a flush of the journal and one of
the database's log. Who comes while a transaction is under way goes into the next; who comes alone waits for nobody.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

from django.db import connection

from unlearning.lineage.models import Subject
from unlearning.lineage.subjects import Identity
from unlearning.requests import opening
from unlearning.requests.opening import Erasure, Opened
from unlearning.requests.submissions import Submission

_Waiting = tuple[Erasure, "Future[Opened]"]
_MOST = 64
"""In one transaction, so that none waits long for others."""
_GATHERING_SECONDS = 0.02
"""For which a group that follows one of several waits for more: those answered just now are about to send again."""


class _Queue:
    """Those who wait, and who have the turn to open what all of them ask for."""

    def __init__(self) -> None:
        self.turn = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()
        self._busy = False

    @property
    def waiting(self) -> int:
        """How many."""
        return len(self._waiting)

    def add(self, erasure: Erasure) -> "Future[Opened]":
        future: Future[Opened] = Future()
        with self._lock:
            self._waiting.append((erasure, future))
        return future

    def take(self) -> list[_Waiting]:
        """The next group; for who has the turn."""
        if self._busy:
            time.sleep(_GATHERING_SECONDS)
        with self._lock:
            taken = self._waiting[:_MOST]
            del self._waiting[:_MOST]
        self._busy = len(taken) > 1
        return taken


_queue = _Queue()


def erase(
    identities: Sequence[Identity | Subject], submission: Submission, *, identity_verified: bool = True
) -> Opened:
    """As `opening.erase`, in one transaction with those who come to this process at the same time.

    Within a transaction that is under way it is a part of that.
    """
    if connection.in_atomic_block:
        return opening.erase(identities, submission, identity_verified=identity_verified)
    mine = _queue.add(Erasure(identities, submission, identity_verified))
    while not mine.done():
        with _queue.turn:
            if not mine.done():
                _open(_queue.take())
    return mine.result()


def _open(group: Sequence[_Waiting]) -> None:
    """Open what a group asks for; where that fails, each by itself, so that none fails for another."""
    try:
        outcomes = opening.erase_each([erasure for erasure, _ in group])
        for (_, future), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
    except Exception as error:
        if len(group) == 1:
            group[0][1].set_exception(error)
        else:
            for one in group:
                _open([one])
    finally:
        for _, future in group:
            future.cancel()  # where this thread is ended in the middle of it: nobody else would answer them
