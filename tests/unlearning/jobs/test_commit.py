"""The moment of the commit: what must not be half done, whatever happens beside it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.files.storage import storages
from django.db import OperationalError
from django.utils import timezone

from models_engine.registry.models import ModelVersion
from models_engine.registry.places import place
from models_engine.registry.services import load_model, stem
from tests.unlearning.people import ask_erasure
from unlearning.jobs import control, leasing, runner, sweeping, training
from unlearning.jobs.devices import simulated_fleet
from unlearning.jobs.leasing import Claim
from unlearning.jobs.models import Job
from unlearning.jobs.planning import plan_jobs
from unlearning.jobs.runner import run_job
from unlearning.jobs.training import train_recommender
from unlearning.requests import actions
from unlearning.requests.actions import By
from unlearning.requests.grounds import Extension
from unlearning.requests.states import State

pytestmark = pytest.mark.django_db


@pytest.fixture
def job(recommender) -> Job:
    ask_erasure("u3")
    (job,) = plan_jobs()
    return job


def _at(monkeypatch, phase: str, act) -> None:
    """Let something happen as a phase of the job begins."""
    begin = Claim.phase

    def watched(self, name):
        begin(self, name)
        if name.startswith(phase):
            monkeypatch.setattr(Claim, "phase", begin)
            act()

    monkeypatch.setattr(Claim, "phase", watched)


def test_a_model_that_serves_stays_where_what_comes_after_the_commit_fails(
    job, recommender, monkeypatch, django_capture_on_commit_callbacks
):
    old = recommender.serving

    def away(*args):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        for target in ("models_engine.registry.services.discard_artifact", "unlearning.jobs.fleets.destroy"):
            patched.setattr(target, away)
        patched.setattr("models_engine.federation.fleet.SimulatedFleet.drop_private", away)
        with django_capture_on_commit_callbacks(execute=True):
            run_job(job.pk)
    job.refresh_from_db()
    recommender.refresh_from_db()
    assert job.state == Job.State.DONE
    assert load_model(recommender.serving)
    assert storages["artifacts"].exists(old.artifact)
    sweeping.sweep()
    assert not storages["artifacts"].exists(old.artifact)
    assert simulated_fleet().models() == [stem(recommender.serving.artifact)]


def test_a_commit_whose_answer_is_lost_keeps_the_new_model(job, recommender, monkeypatch):
    commit = Claim.commit

    class Lost:
        """The transaction is committed, and nobody hears of it."""

        def __init__(self, claim):
            self.inner = commit(claim)

        def __enter__(self):
            return self.inner.__enter__()

        def __exit__(self, *error):
            self.inner.__exit__(*error)
            if ModelVersion.objects.filter(method="retrain").exists():
                raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(Claim, "commit", lambda self: Lost(self))
    run_job(job.pk)
    recommender.refresh_from_db()
    assert recommender.serving.method == "retrain"
    assert load_model(recommender.serving)
    assert simulated_fleet().private(stem(recommender.serving.artifact))


def test_what_a_commit_that_failed_had_stored_is_swept_away(job, recommender, monkeypatch):
    def fail(*args):
        raise ValueError("no")

    monkeypatch.setattr("unlearning.jobs.runner.complete_requests", fail)
    run_job(job.pk)
    assert len(simulated_fleet().models()) == 2
    sweeping.sweep()
    assert simulated_fleet().models() == [stem(recommender.serving.artifact)]


def test_a_job_begins_anew_where_another_model_was_trained_meanwhile(job, recommender, monkeypatch, caplog):
    _at(monkeypatch, "commit", lambda: train_recommender(recommender, 2, lambda fraction: None))
    run_job(job.pk)
    job.refresh_from_db()
    recommender.refresh_from_db()
    assert (job.state, job.tries, recommender.serving.number) == (Job.State.QUEUED, 0, 2)
    assert "shop v2 was trained meanwhile" in caplog.text
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE
    content = job.requests.get().evidence.content
    assert content["method"]["model_before"] == ModelVersion.objects.get(number=2).digest
    # That version was trained after the rows had gone: it never learned them.
    assert content["lineage"]["pairs_learned"] == 0


def test_a_batch_may_end_on_two_rungs(recommender, monkeypatch):
    """One request is settled by the first, the other by the second."""
    for subject in ("u3", "u7"):
        ask_erasure(subject, external_id=subject)
    (job,) = plan_jobs()
    judged = runner._attempt

    def settled(strategy, judgement, certified, at):
        found = judged(strategy, judgement, certified, at)
        first = strategy.name == "contrastive" and not settled.done
        settled.done = settled.done or first
        return replace(found, conclusion="equivalent") if first else found

    settled.done = False
    monkeypatch.setattr(runner, "_attempt", settled)
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.trouble) == (Job.State.DONE, "")
    recommender.refresh_from_db()
    methods = [version.method for version in recommender.versions.order_by("number")]
    assert methods == ["train", "contrastive", "retrain"]


def test_a_version_that_learned_anew_without_their_rows_is_not_said_to_be_reached_by_others(job, recommender):
    other = ask_erasure("u7", external_id="e-2")
    assert list(other.reached.all()) == [recommender.serving]
    run_job(job.pk)
    recommender.refresh_from_db()
    assert recommender.serving.method == "retrain"
    assert recommender.serving not in other.reached.all()


def test_evidence_says_what_officers_did_while_the_job_ran(job, monkeypatch):
    request = job.requests.get()
    reason = next(iter(Extension)).value
    _at(monkeypatch, "commit", lambda: actions.extend(request, By("officer"), reason))
    run_job(job.pk)
    request.refresh_from_db()
    content = request.evidence.content
    assert request.extended_at is not None
    assert content["request"]["due_at"] == request.due_at.isoformat()
    assert content["request"]["deadline"]["extended"] is not None


def test_a_worker_that_stops_hands_its_job_back_and_spends_no_try(job, monkeypatch):
    _at(monkeypatch, "references", leasing.stop)
    try:
        run_job(job.pk)
    finally:
        leasing.stop(False)
    job.refresh_from_db()
    assert (job.state, job.tries, job.trouble, job.not_before) == (Job.State.QUEUED, 0, "", None)
    assert job.requests.get().state == State.SCHEDULED
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE


def test_a_damaged_manifest_of_a_checkpoint_is_told_and_the_job_begins_without(job, monkeypatch, settings):
    settings.FEDSHARE_BACK_OFF = 0

    def damage():
        models = place(settings.AUDIT_MODELS).part(str(job.pk))
        (manifest, *_) = [name for name in models.names() if name.endswith(".json")]
        models.write(manifest, b'{"abouu": {}}')
        raise OSError(5, "Input/output error")

    _at(monkeypatch, "forget", damage)
    run_job(job.pk)
    run_job(job.pk)
    job.refresh_from_db()
    assert "damaged" in job.trouble
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.DONE


def test_one_changed_byte_in_what_devices_hold_stops_the_job_and_keeps_its_checkpoints(job, settings):
    (path,) = [p for p in settings.DEVICES.rglob("interactions") if p.is_file()]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    place(settings.AUDIT_MODELS).part(str(job.pk)).write("kept", b"x")
    run_job(job.pk)
    job.refresh_from_db()
    assert "what the simulated devices hold as interactions is damaged" in job.trouble
    assert place(settings.AUDIT_MODELS).part(str(job.pk)).read("kept") == b"x"


def test_a_training_whose_data_was_withdrawn_is_refused_whatever_the_clock_of_the_worker_says(
    recommender, monkeypatch, django_capture_on_commit_callbacks
):
    rehearse, now = training.rehearse, timezone.now

    def withdraw_meanwhile(*args):
        ask_erasure("u3")
        monkeypatch.setattr(timezone, "now", lambda: now() - timedelta(hours=1))
        (job,) = plan_jobs(at_once=True)
        run_job(job.pk)
        return rehearse(*args)

    monkeypatch.setattr(training, "rehearse", withdraw_meanwhile)
    with pytest.raises(training.WithdrawnMeanwhile):
        train_recommender(recommender, 2, lambda fraction: None)


def test_a_cancelled_job_has_an_end(job):
    control.cancel(job.pk, By("officer"))
    job.refresh_from_db()
    assert job.finished_at is not None
