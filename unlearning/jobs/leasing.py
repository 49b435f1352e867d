"""Who may work on a job, and who may still commit.

A worker claims a job by a conditional update that raises the attempt number; the number is its
fencing token. A thread of its own gives signs of life while the worker lives, however long a step
takes. A worker that woke too late finds another token in the row and can neither report nor commit.
Time is the database's alone, so that no worker's clock can end another's lease.
"""

import ctypes
import logging
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Now
from opentelemetry import trace
from opentelemetry.trace import Span

from unlearning import correlation
from unlearning.jobs.models import Job
from unlearning.requests.models import Request

logger = logging.getLogger(__name__)
_tracer = trace.get_tracer("fedshare")

_SECONDS_BETWEEN_REPORTS = 0.5
_BEATS_IN_A_LEASE = 4


Watch = Callable[[str, float], None]
"""Called now and then with the phase, and the finished fraction of it."""


_stopping = multiprocessing.RawValue(ctypes.c_bool, False)  # shared with the pool, which forks later; needs no lock


class Stopping(Exception):
    """This worker was asked to stop: hand the job back, from its last checkpoint."""


class LeaseLost(Exception):
    """Another worker has the job by now, or somebody stopped it: stop, and change nothing."""


@dataclass
class Claim:
    """A worker's right to work on a job."""

    job_id: UUID
    token: int
    watch: Watch
    _phase: str = ""
    _phase_began: float = 0.0
    _reported: float = 0.0
    _timings: dict[str, float] = field(default_factory=dict)
    _span: Span | None = None

    @property
    def owner(self) -> str:
        """Of files that this attempt is about to register."""
        return _owner(self.job_id, self.token)

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Extend the lease again and again within, from a thread beside the work; its phases are one trace."""
        parents = Request.objects.filter(job=self.job_id).values_list("traceparent", flat=True)
        links = [found for found in map(correlation.link, parents) if found]
        with _tracer.start_as_current_span("job", links=links) as span:
            span.set_attributes({"fedshare.job": str(self.job_id), "fedshare.attempt": self.token})
            try:
                with self._kept():
                    yield
            finally:
                self._end_span()

    @contextmanager
    def _kept(self) -> Iterator[None]:
        ends = threading.Event()
        thread = threading.Thread(target=self._beat, args=[ends], daemon=True)
        thread.start()
        try:
            yield
        finally:
            ends.set()
            thread.join()

    def _beat(self, ends: threading.Event) -> None:
        try:
            while not ends.wait(settings.FEDSHARE_LEASE / _BEATS_IN_A_LEASE):
                try:
                    if not self._held().update(lease_until=_lease_end()):
                        return  # overtaken or stopped: the work finds out by itself
                except (OperationalError, InterfaceError):
                    connection.close()  # the database is away: once more at the next beat
        finally:
            connection.close()

    def phase(self, name: str) -> None:
        """Begin a phase."""
        now = time.monotonic()
        if self._phase:
            spent = self._timings.get(self._phase, 0.0) + now - self._phase_began
            self._timings[self._phase] = round(spent, 3)
        self._phase, self._phase_began = name, now
        self._end_span()
        self._span = _tracer.start_span(name)
        logger.info("job %s: %s", self.job_id, name)
        self._report(0.0, phase_at=Now())

    def _end_span(self) -> None:
        if self._span is not None:
            self._span.end()
            self._span = None

    def progress(self, fraction: float) -> None:
        """Report progress within the phase; finds out as well whether the job is still held."""
        if time.monotonic() - self._reported >= _SECONDS_BETWEEN_REPORTS:
            self._report(min(1.0, fraction))

    @contextmanager
    def commit(self) -> Iterator[Job]:
        """A transaction in which the job's row is locked and the token still holds.

        Raises:
            LeaseLost: it does not; nothing is written.
        """
        with transaction.atomic():
            job = Job.objects.select_for_update().filter(pk=self.job_id, attempt=self.token).first()
            if job is None or job.state != Job.State.RUNNING:
                raise self._lost()
            yield job

    def _report(self, fraction: float, **more: Combinable) -> None:
        self._reported = time.monotonic()
        held = self._held().update(
            phase=self._phase, progress=fraction, timings=self._timings, lease_until=_lease_end(), **more
        )
        if not held:
            raise self._lost()
        if _stopping.value:
            raise Stopping
        self.watch(self._phase, fraction)

    def _held(self) -> QuerySet[Job]:
        return Job.objects.filter(pk=self.job_id, attempt=self.token, state=Job.State.RUNNING)

    def _lost(self) -> LeaseLost:
        return LeaseLost(f"job {self.job_id}: attempt {self.token} was overtaken or stopped")


def stop(stopping: bool = True) -> None:
    """Let whoever is at work on a job, in this process or in its pool's, hand it back at the next sign of life."""
    _stopping.value = stopping


def claim(job_id: UUID, watch: Watch = lambda phase, fraction: None) -> Claim | None:
    """Take a job that is free: queued and due, or running with an expired lease. None if it is not."""
    with transaction.atomic():
        taken = Job.objects.filter(claimable(), pk=job_id).update(
            state=Job.State.RUNNING,
            attempt=F("attempt") + 1,
            tries=F("tries") + 1,
            lease_until=_lease_end(),
            started_at=Coalesce("started_at", Now()),
            woken_at=None,
            trouble="",
        )
        return Claim(job_id, Job.objects.get(pk=job_id).attempt, watch) if taken else None


def owners() -> set[str]:
    """Attempts that may still commit."""
    running = Job.objects.filter(state=Job.State.RUNNING).values_list("pk", "attempt")
    return {_owner(job_id, attempt) for job_id, attempt in running}


def _owner(job_id: UUID, attempt: int) -> str:
    return f"{job_id.hex}-{attempt}"


def claimable() -> Q:
    """Jobs that may be claimed: those that wait and are due, and those whose worker went silent before the last try."""
    due = Q(state=Job.State.QUEUED) & (Q(not_before=None) | Q(not_before__lte=Now()))
    return due | (silent() & Q(tries__lt=settings.FEDSHARE_MAX_ATTEMPTS))


def silent() -> Q:
    """Jobs whose worker gave no sign of life within its lease."""
    return Q(state=Job.State.RUNNING, lease_until__lt=Now())


def _lease_end() -> Combinable:
    return Now() + timedelta(seconds=settings.FEDSHARE_LEASE)
