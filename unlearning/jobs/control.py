"""Stopping a job and letting it go on: by a worker that failed, or by an officer."""

import logging
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext as _

from audits.evidence import log
from unlearning.jobs.models import Job, JobEvent
from unlearning.requests.actions import By, hold, move
from unlearning.requests.errors import NotAllowed
from unlearning.requests.models import Request
from unlearning.requests.states import State
from unlearning.webhooks import catalogue
from unlearning.webhooks.outbox import emit

logger = logging.getLogger(__name__)

OPEN = (Job.State.QUEUED, Job.State.RUNNING, Job.State.PAUSED, Job.State.NEEDS_ATTENTION)
"""States of a job that has not ended."""

ALLOWED_IN: dict[JobEvent.Action, tuple[Job.State, ...]] = {
    JobEvent.Action.PAUSE: (Job.State.QUEUED, Job.State.RUNNING),
    JobEvent.Action.GO_ON: (Job.State.PAUSED, Job.State.NEEDS_ATTENTION),
    JobEvent.Action.CANCEL: OPEN,
    JobEvent.Action.ESCALATE: OPEN,
}
"""In which states an officer can take each action."""

_WORKED_ON = (State.UNLEARNING, State.VERIFYING)


def ask_for_attention(job: Job, trouble: str) -> None:
    """Stop a job that can't go on by itself; call it in a transaction that has the job locked.

    Args:
        trouble: the cause, in plain words.
    """
    logger.error("job %s needs attention: %s", job.pk, trouble)
    job.state, job.trouble = Job.State.NEEDS_ATTENTION, trouble
    job.save(update_fields=["state", "trouble"])
    _set_back(job)
    for request in job.requests.filter(state=State.SCHEDULED):
        move(request, State.NEEDS_ATTENTION)
        emit(
            catalogue.ATTENTION,
            {"request": str(request.id), "kind": request.kind, "state": request.state},
            request.senders(),
        )


def put_back(job: Job, trouble: str, wait: timedelta) -> None:
    """Let a job that failed wait for another attempt; call it in a transaction that has the job locked."""
    job.state, job.trouble, job.not_before = Job.State.QUEUED, trouble, Now() + wait
    job.save(update_fields=["state", "trouble", "not_before"])
    _set_back(job)


def hand_back(job: Job) -> None:
    """Let another worker go on at once, as if this attempt had not been; call it as `put_back`."""
    job.state, job.tries, job.not_before, job.woken_at = Job.State.QUEUED, max(0, job.tries - 1), None, None
    job.save(update_fields=["state", "tries", "not_before", "woken_at"])
    _set_back(job)


def pause(job_id: UUID, by: By) -> Job:
    """Stop a job where it is. Its worker notices at its next sign of life, and writes nothing any more.

    Raises:
        NotAllowed: the job neither waits nor runs.
    """

    def act(job: Job) -> None:
        job.state = Job.State.PAUSED
        job.save(update_fields=["state"])
        _set_back(job)

    return _take(job_id, JobEvent.Action.PAUSE, by, act)


def go_on(job_id: UUID, by: By) -> Job:
    """Let a job go on that was paused or needs attention: from its last checkpoint, with as many attempts as a new one.

    Raises:
        NotAllowed: the job is neither.
    """

    def act(job: Job) -> None:
        _queue_anew(job)

    return _take(job_id, JobEvent.Action.GO_ON, by, act)


def cancel(job_id: UUID, by: By) -> Job:
    """Give a job up. Its open requests are put on hold, and join a job anew once somebody releases them.

    What was promised to their subjects stays due: the periods go on.

    Raises:
        NotAllowed: the job has ended.
    """

    def act(job: Job) -> None:
        job.state, job.finished_at = Job.State.CANCELLED, timezone.now()
        job.save(update_fields=["state", "finished_at"])
        _set_back(job)
        for request in job.requests.filter(state__in=(State.SCHEDULED, State.NEEDS_ATTENTION)):
            _release_from_job(request)
            hold(request, by)

    return _take(job_id, JobEvent.Action.CANCEL, by, act)


def escalate(job_id: UUID, by: By) -> Job:
    """Let a job go straight to an exact result, from its next attempt on; one that runs begins that attempt now.

    Raises:
        NotAllowed: the job has ended, or was asked for this before.
    """

    def act(job: Job) -> None:
        if job.exact_only:
            raise NotAllowed(_("an exact result was asked for before"))
        job.exact_only = True
        if job.state in (Job.State.RUNNING, Job.State.NEEDS_ATTENTION):
            _set_back(job)
            _queue_anew(job)
        job.save(update_fields=["exact_only"])

    return _take(job_id, JobEvent.Action.ESCALATE, by, act)


def _release_from_job(request: Request) -> None:
    """Its next job makes a plan of its own: the seeds of this one's go with it."""
    if request.plan is not None:
        log.append("plan.withdrawn", {"request": str(request.id)})
    request.job = request.plan = None
    request.state = State.ACCEPTED
    request.save(update_fields=["job", "plan", "state"])


def _queue_anew(job: Job) -> None:
    job.state, job.tries, job.trouble, job.not_before, job.woken_at = Job.State.QUEUED, 0, "", None, None
    job.save(update_fields=["state", "tries", "trouble", "not_before", "woken_at"])
    for request in job.requests.filter(state=State.NEEDS_ATTENTION):
        move(request, State.SCHEDULED)


def _set_back(job: Job) -> None:
    for request in job.requests.filter(state__in=_WORKED_ON):
        move(request, State.SCHEDULED)


@transaction.atomic
def _take(job_id: UUID, action: JobEvent.Action, by: By, act: Callable[[Job], None]) -> Job:
    job = Job.objects.select_for_update().get(pk=job_id)
    if job.state not in ALLOWED_IN[action]:
        raise NotAllowed(
            _("the job is {state}; this can be done while it is {states}").format(
                state=_(Job.State(job.state).label), states=", ".join(_(state.label) for state in ALLOWED_IN[action])
            )
        )
    act(job)
    JobEvent.objects.create(job=job, action=action, by=by.name, reason=by.reason)
    log.append(f"job.{action}", {"job": str(job.id)})
    return job
