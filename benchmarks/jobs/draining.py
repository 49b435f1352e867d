"""Jobs without work, drained by a number of processes; and requests that are accepted while nobody works."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Max, Min

from fedshare_site.demo.crm import Crm
from fedshare_site.demo.processes import Processes, free_port, wait_for_web
from models_engine.fedshare.training import Progress
from models_engine.registry.models import ModelVersion, Recommender
from unlearning.api.clients import give_credentials
from unlearning.jobs.models import Job
from unlearning.requests.models import Request
from unlearning.requests.states import State

_QUEUES = "intake,train,webhooks"
"""Without reports, whose cost is measured by `benchmarks.evidence`."""
_SENDERS = 4
_SECONDS = 1800


@dataclass(frozen=True)
class Drained:
    """How long so many jobs took."""

    processes: int
    jobs: int
    seconds: float

    @property
    def milliseconds(self) -> float:
        """From one job to the next."""
        return 1000 * self.seconds / self.jobs


def drain_empty(jobs: int, processes: int, progress: Progress) -> Drained:
    """Jobs that have nothing to do, of a recommender each: from the first claim to the last commit."""
    recommenders = Recommender.objects.bulk_create(Recommender(name=f"empty-{n}") for n in range(jobs))
    Job.objects.bulk_create(Job(recommender=one) for one in recommenders)
    mine = Job.objects.filter(recommender__in=recommenders)
    try:
        with _working("benchmarks.jobs.empty", processes) as running:
            _until(lambda: mine.filter(state=Job.State.DONE).count(), jobs, running, progress)
        taken = mine.aggregate(first=Min("started_at"), last=Max("finished_at"))
        return Drained(processes, jobs, (taken["last"] - taken["first"]).total_seconds())
    finally:
        mine.delete()
        Recommender.objects.filter(pk__in=[one.pk for one in recommenders]).delete()


@dataclass(frozen=True)
class Accepted:
    """Erasures that were sent over HTTP."""

    sent: int
    seconds: float


def accept(names: list[str], prefix: str, processes: int) -> Accepted:
    """Send an erasure of each customer, with so many worker processes beside; with none, without beat as well."""
    with _working("fedshare_site", processes) if processes else _nobody(), _web() as address:
        crm = Crm(address, *give_credentials("crm"))
        began = time.monotonic()
        with ThreadPoolExecutor(_SENDERS) as senders:
            found = list(senders.map(lambda one: crm.erase([one[1]], f"{prefix}-{one[0]}"), enumerate(names)))
        return Accepted(len({one["id"] for one in found}), time.monotonic() - began)


def drain_requests(processes: int, progress: Progress) -> tuple[int, float]:
    """Everything that was accepted, by workers that come only now. Returns how many were lost, and the seconds."""
    waiting = set(Request.objects.exclude(state=State.COMPLETED).values_list("pk", flat=True))
    began = time.monotonic()
    done = Request.objects.filter(pk__in=waiting, state=State.COMPLETED)
    with _working("fedshare_site", processes) as running:
        _until(done.count, len(waiting), running, progress)
    seconds = time.monotonic() - began
    serving = ModelVersion.objects.filter(destroyed_at=None).count()
    assert serving == 1, f"{serving} versions are alive"
    return len(waiting) - done.count(), seconds


def _until(count: Callable[[], int], wanted: int, running: Processes, progress: Progress) -> None:
    deadline = time.monotonic() + _SECONDS
    while (there := count()) < wanted:
        running.check()
        if time.monotonic() > deadline:
            raise TimeoutError(f"{there} of {wanted} had ended after {_SECONDS} s")
        progress(there / wanted)
        time.sleep(0.2)


@contextmanager
def _working(app: str, processes: int) -> Iterator[Processes]:
    running = Processes(Path(settings.VAR) / "logs", dict(os.environ))
    worker = ["celery", "-A", app, "worker", "--concurrency", str(processes), "--queues", _QUEUES]
    try:
        running.start("worker", *worker, "--without-gossip", "--without-mingle")
        running.start("beat", "celery", "-A", app, "beat")
        yield running
    finally:
        running.stop()


@contextmanager
def _web() -> Iterator[str]:
    running = Processes(Path(settings.VAR) / "logs", dict(os.environ))
    port = free_port(8900)
    address = f"http://127.0.0.1:{port}"
    try:
        running.start("web", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "4", "fedshare_site.wsgi")
        wait_for_web(address, running, 60)
        yield address
    finally:
        running.stop()


@contextmanager
def _nobody() -> Iterator[None]:
    yield
