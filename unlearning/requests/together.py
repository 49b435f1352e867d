"""Group commit: erasures that reach a process at the same time are opened in one transaction.

Most of what an acceptance costs is the same for one as for many: statements, locks, a flush of the journal and one of
the database's log. Who comes while a transaction is under way goes into the next; who comes alone waits for nobody.
"""

import logging
import threading
import time
from collections.abc import Sequence
from queue import SimpleQueue

from django.db import connection, transaction

from unlearning.lineage.models import Subject
from unlearning.lineage.subjects import Identity
from unlearning.requests import opening
from unlearning.requests.opening import Erasure, Opened, Refusal
from unlearning.requests.submissions import Submission

logger = logging.getLogger(__name__)

_MOST_IDENTITIES = 64
"""In one transaction, so that none waits long for others."""
_GATHERING_SECONDS = 0.02
"""For which a group waits that follows soon upon one of several: those answered just now are about to send again."""
_SOON_SECONDS = 0.1
_PATIENCE = "200ms"
"""For which a group waits for others' locks: the one that is concerned waits for them by itself."""


class _Lead:
    """Told to whoever waits first, when nobody leads any more."""


class _Waiting:
    """An erasure, and what its thread is told: the outcome, to lead, or None to see to it by itself."""

    def __init__(self, erasure: Erasure):
        self.erasure = erasure
        self.told: SimpleQueue[Opened | Refusal | _Lead | None] = SimpleQueue()


class _Queue:
    """Those who wait. The thread of one of them leads: it opens what all ask for, and hands the lead on."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []
        self._lock = threading.Lock()
        self._led = False
        self._gathered_at = float("-inf")

    @property
    def waiting(self) -> int:
        """How many."""
        return len(self._waiting)

    def ask(self, erasure: Erasure) -> Opened | Refusal | None:
        """The outcome; None where the group gave way, so that nothing was done."""
        mine = _Waiting(erasure)
        with self._lock:
            self._waiting.append(mine)
            if not self._led:
                self._led = True
                mine.told.put(_Lead())
        while isinstance(told := mine.told.get(), _Lead):
            self._lead()
        return told

    def _lead(self) -> None:
        group: list[_Waiting] = []
        outcomes: Sequence[Opened | Refusal | None] = ()
        try:
            group = self._take()
            outcomes = _opened([one.erasure for one in group])
        finally:
            for place, one in enumerate(group):
                one.told.put(outcomes[place] if outcomes else None)
            with self._lock:
                self._led = bool(self._waiting)
                if self._led:
                    self._waiting[0].told.put(_Lead())

    def _take(self) -> list[_Waiting]:
        """The next group."""
        if time.monotonic() - self._gathered_at < _SOON_SECONDS:
            time.sleep(_GATHERING_SECONDS)
        with self._lock:
            taken: list[_Waiting] = []
            while self._waiting and sum(len(one.erasure.identities) for one in taken) < _MOST_IDENTITIES:
                taken.append(self._waiting.pop(0))
        if len(taken) > 1:
            self._gathered_at = time.monotonic()
        return taken


_queue = _Queue()


def erase(
    identities: Sequence[Identity | Subject], submission: Submission, *, identity_verified: bool = True
) -> Opened:
    """As `opening.erase`, in one transaction with those who come to this process at the same time.

    Within a transaction that is under way it is a part of that.
    """
    outcome = None
    if not connection.in_atomic_block:
        outcome = _queue.ask(Erasure(identities, submission, identity_verified))
    if outcome is None:
        return opening.erase(identities, submission, identity_verified=identity_verified)
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _opened(erasures: Sequence[Erasure]) -> Sequence[Opened | Refusal | None]:
    """What became of a group. Where it fails, or has to wait for others, it gives way: none fails for another."""
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [_PATIENCE])
            return opening.erase_each(erasures)
    except Exception as error:
        logger.info("a group of %d erasures gave way: %s", len(erasures), type(error).__name__)
        return [None] * len(erasures)
