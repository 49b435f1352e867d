"""Turning accepted requests into jobs, and finding jobs that nobody works on."""

import logging
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Min, Q
from django.db.models.functions import Now

from models_engine.registry.models import Recommender
from unlearning.jobs import troubles
from unlearning.jobs.control import ask_for_attention
from unlearning.jobs.fleets import estimated_seconds
from unlearning.jobs.leasing import claimable, silent
from unlearning.jobs.models import Job
from unlearning.lineage.freezing import clock
from unlearning.requests import policy
from unlearning.requests.models import Request
from unlearning.requests.states import State

logger = logging.getLogger(__name__)

WAKE_AGAIN = timedelta(seconds=10)
"""After which another message is sent about a job that nobody claimed."""


@transaction.atomic
def plan_jobs(at_once: bool = False) -> list[Job]:
    """Give the recommender, if it is free, a job over all accepted requests, once their window is over, or at once.

    The window opens with the first acceptance of a batch, and closes at once where a deadline is near. Requests that
    arrive while a job is open wait for the next one: a model is forgotten on by one job at a time.
    """
    recommender = Recommender.objects.select_for_update(no_key=True).exclude(serving=None).order_by("pk").first()
    if recommender is None or recommender.jobs.filter(_open()).exists():
        return []
    # Not against keys: a job that commits refers to requests that wait, and must not wait for them. In the order in
    # which everybody locks them.
    locked = Request.objects.select_for_update(no_key=True).filter(state=State.ACCEPTED, job=None).order_by("pk")
    waiting = sorted(locked, key=lambda request: request.rows_removed_at)
    now = clock()
    rules = policy.in_force()
    opened = now - timedelta(seconds=rules.batch_window)
    urgent = any(request.due_at - now < rules.urgent for request in waiting)
    if not waiting or (waiting[0].rows_removed_at > opened and not (urgent or at_once)):
        return []
    job = Job.objects.create(recommender=recommender, estimated_seconds=_estimate(recommender))
    scheduled = Request.objects.filter(pk__among=[request.pk for request in waiting])
    scheduled.update(job=job, state=State.SCHEDULED)
    return [job]


def _estimate(recommender: Recommender) -> float | None:
    """Seconds for the audit models and, should it come to that, for retraining."""
    trainings = policy.in_force().level.trainings + 1
    return estimated_seconds(trainings, recommender.serving.metrics.get("training_seconds"))


def jobs_to_wake() -> list[UUID]:
    """Jobs that a worker could claim now and of which none was told lately: a message may be lost, or its worker.

    Those whose request is due first come first.
    """
    untold = Q(woken_at=None) | Q(woken_at__lt=Now() - WAKE_AGAIN)
    free = Job.objects.filter(claimable() & untold).annotate(due=Min("requests__due_at")).order_by("due", "pk")
    for job_id, attempt in free.filter(state=Job.State.RUNNING).values_list("pk", "attempt"):
        logger.warning("job %s: attempt %d fell silent; another worker is told", job_id, attempt)
    woken = list(free.values_list("pk", flat=True))
    Job.objects.filter(pk__in=woken).update(woken_at=Now())
    return woken


def give_up_silent_jobs() -> None:
    """Ask for attention to jobs whose worker went silent at the last of several attempts."""
    spent = silent() & ~claimable()
    for job_id in Job.objects.filter(spent).values_list("pk", flat=True):
        with transaction.atomic():
            job = Job.objects.select_for_update().filter(spent, pk=job_id).first()
            if job is not None:
                ask_for_attention(job, troubles.SILENT.format(tries=job.tries, phase=job.phase))


def _open() -> Q:
    return Q(state__in=[Job.State.QUEUED, Job.State.RUNNING, Job.State.PAUSED, Job.State.NEEDS_ATTENTION])
