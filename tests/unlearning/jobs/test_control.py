"""Pause, go on and cancel: at any phase, and nothing is lost or half done."""

import errno

import pytest

from audits.evidence.models import LogEntry
from models_engine.registry.models import Recommender
from tests.unlearning.people import ask_erasure
from unlearning.jobs import control
from unlearning.jobs.leasing import Claim, claim
from unlearning.jobs.models import Job, JobEvent
from unlearning.jobs.planning import plan_jobs
from unlearning.jobs.runner import run_job
from unlearning.lineage.models import Interaction
from unlearning.requests import actions
from unlearning.requests.actions import By
from unlearning.requests.errors import NotAllowed
from unlearning.requests.models import Request, SealedForgetSet
from unlearning.requests.states import State

pytestmark = pytest.mark.django_db

OFFICER = By("officer", "asked to wait")
ALLOWED = {
    control.pause: {"queued", "running"},
    control.go_on: {"paused", "needs_attention"},
    control.cancel: {"queued", "running", "paused", "needs_attention"},
}


@pytest.mark.parametrize("state", Job.State.values)
@pytest.mark.parametrize("action", ALLOWED, ids=lambda action: action.__name__)
def test_every_action_in_every_state(action, state):
    job = Job.objects.create(recommender=Recommender.objects.create(name="shop"), state=state)
    if state in ALLOWED[action]:
        assert action(job.pk, OFFICER).state != state
        assert JobEvent.objects.get().reason == "asked to wait"
    else:
        with pytest.raises(NotAllowed, match=f"the job is {Job.State(state).label}"):
            action(job.pk, OFFICER)
        assert not JobEvent.objects.exists()
        assert Job.objects.get().state == state


def _at(phase, act, monkeypatch):
    """Do something at the moment that a phase begins."""
    begin = Claim.phase

    def then(held, name):
        begin(held, name)
        if name.startswith(phase):
            monkeypatch.setattr(Claim, "phase", begin)
            act(held.job_id, OFFICER)

    monkeypatch.setattr(Claim, "phase", then)


@pytest.mark.parametrize("phase", ["prepare", "references", "forget", "verify", "commit"])
def test_a_job_is_paused_at_any_phase_and_goes_on(recommender, monkeypatch, phase):
    request, served = ask_erasure("u3", "u4"), recommender.serving
    (job,) = plan_jobs()
    _at(phase, control.pause, monkeypatch)
    run_job(job.pk)
    job.refresh_from_db()
    request.refresh_from_db()
    recommender.refresh_from_db()
    assert (job.state, request.state, recommender.serving) == (Job.State.PAUSED, State.SCHEDULED, served)
    assert claim(job.pk) is None
    assert plan_jobs() == []
    control.go_on(job.pk, OFFICER)
    run_job(job.pk)
    job.refresh_from_db()
    request.refresh_from_db()
    assert (job.state, request.state) == (Job.State.DONE, State.COMPLETED)


@pytest.mark.parametrize("phase", ["references", "commit"])
def test_requests_of_a_cancelled_job_wait_on_hold_and_join_the_next(recommender, monkeypatch, phase):
    request = ask_erasure("u3", "u4")
    (job,) = plan_jobs()
    _at(phase, control.cancel, monkeypatch)
    run_job(job.pk)
    job.refresh_from_db()
    request.refresh_from_db()
    assert (job.state, request.state, request.held_from) == (Job.State.CANCELLED, State.ON_HOLD, State.ACCEPTED)
    assert (request.job, request.plan) == (None, None)
    assert SealedForgetSet.objects.count() == 1
    assert plan_jobs() == []
    actions.release(request, OFFICER)
    (following,) = plan_jobs()
    run_job(following.pk)
    request.refresh_from_db()
    assert request.state == State.COMPLETED
    kinds = LogEntry.objects.order_by("pk").values_list("kind", flat=True)
    assert [kind for kind in kinds if kind.startswith("plan.")] == ["plan.frozen", "plan.withdrawn", "plan.frozen"]


def test_what_needs_attention_goes_on_with_new_attempts(recommender, settings, monkeypatch):
    settings.FEDSHARE_MAX_ATTEMPTS = 1
    request = ask_erasure("u3", "u4")
    (job,) = plan_jobs()

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device", "/var/fedshare/models/7")

    with monkeypatch.context() as broken:
        broken.setattr("unlearning.jobs.runner.store_artifact", full)
        run_job(job.pk)
    job.refresh_from_db()
    request.refresh_from_db()
    assert (job.state, request.state) == (Job.State.NEEDS_ATTENTION, State.NEEDS_ATTENTION)
    assert job.trouble == "No space left on device, where the worker keeps its files. Mend that, then retry."
    control.go_on(job.pk, OFFICER)
    assert Request.objects.get().state == State.SCHEDULED
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.trouble, job.attempt, job.tries) == (Job.State.DONE, "", 2, 1)
    assert Interaction.objects.filter(subject__erased_at__isnull=False).count() == 0
