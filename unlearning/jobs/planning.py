"""Turning accepted requests into jobs, and finding jobs that nobody works on."""

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audits.verification.plan import LEVELS
from models_engine.registry.models import Recommender
from unlearning.jobs.fleets import estimated_seconds
from unlearning.jobs.models import Job
from unlearning.requests.models import Request
from unlearning.requests.states import State


@transaction.atomic
def plan_jobs() -> list[Job]:
    """Give every recommender that is free a job over all accepted requests, once their window is over.

    The window opens with the first request of a batch. Requests that arrive while a job is open wait
    for the next one: a model is forgotten on by one job at a time.
    """
    waiting = list(Request.objects.select_for_update().filter(state=State.ACCEPTED, job=None).order_by("received_at"))
    opened = timezone.now() - timedelta(seconds=settings.FEDSHARE_BATCH_WINDOW)
    if not waiting or waiting[0].received_at > opened:
        return []
    # The interactions are common to all recommenders, so a request concerns each that serves.
    # More than one needs a request to be followed for each: see docs/engineers.md.
    recommender = Recommender.objects.select_for_update().exclude(serving=None).order_by("pk").first()
    if recommender is None or recommender.jobs.filter(_open()).exists():
        return []
    job = Job.objects.create(recommender=recommender, estimated_seconds=_estimate(recommender))
    for request in waiting:
        request.job, request.state = job, State.SCHEDULED
        request.save(update_fields=["job", "state"])
    return [job]


def _estimate(recommender: Recommender) -> float | None:
    """Seconds for the audit models and, should it come to that, for retraining."""
    trainings = LEVELS[settings.FEDSHARE_ASSURANCE].trainings + 1
    return estimated_seconds(trainings, recommender.serving.metrics.get("training_seconds"))


def unclaimed_jobs() -> list[Job]:
    """Jobs that a worker could claim now: their message may have been lost, or their worker."""
    now = timezone.now()
    queued = Q(state=Job.State.QUEUED) & (Q(not_before=None) | Q(not_before__lte=now))
    abandoned = Q(state=Job.State.RUNNING, lease_until__lt=now)
    return list(Job.objects.filter(queued | abandoned))


def _open() -> Q:
    return Q(state__in=[Job.State.QUEUED, Job.State.RUNNING, Job.State.NEEDS_ATTENTION])
