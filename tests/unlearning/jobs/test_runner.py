"""A job from accepted requests to verifiable reports, in this process, on a small world."""

import io
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.db.models import F
from django.utils import timezone

from audits.evidence.models import LogEntry
from audits.reports.verify import verify_report
from audits.reports.writing import write_reports
from models_engine.fedshare.files import StateFileError
from models_engine.registry.models import ModelVersion
from models_engine.registry.services import load_model
from tests.audits.reports.test_verify import trust
from tests.unlearning.people import ask_erasure, ask_slider
from unlearning.jobs import fleets, runner
from unlearning.jobs.devices import simulated_fleet
from unlearning.jobs.models import Job
from unlearning.jobs.planning import jobs_to_wake, plan_jobs
from unlearning.jobs.runner import run_job
from unlearning.jobs.training import train_recommender
from unlearning.lineage.models import Subject
from unlearning.lineage.subjects import find_subjects
from unlearning.requests.models import Request, SealedForgetSet
from unlearning.requests.states import State

pytestmark = pytest.mark.django_db


def _run() -> Job:
    (job,) = plan_jobs()
    run_job(job.pk)
    job.refresh_from_db()
    return job


def test_requests_of_a_batch_end_with_a_conclusion_and_verifiable_evidence(
    recommender, django_capture_on_commit_callbacks
):
    first = recommender.serving
    single = ask_erasure("u3")
    batch = ask_erasure(*(f"u{n}" for n in range(10, 20)), external_id="e-2")
    slider = ask_slider("u5", 20)
    assert list(batch.reached.all()) == [first]
    with django_capture_on_commit_callbacks(execute=True):
        job = _run()
    assert (job.state, job.trouble) == (Job.State.DONE, "")

    for request in (single, batch, slider):
        request.refresh_from_db()
        assert request.state == State.COMPLETED
        document = request.evidence.content
        last = document["ladder"][-1]
        assert request.conclusion == last["concluded"] == document["conclusion"]
        assert request.conclusion == ("exact" if last["exact"] else "equivalent")
        assert_sound(request.evidence)
    batch_content = job.evidence.content
    assert {one["id"] for one in batch_content["requests"]} == {str(one.pk) for one in (single, batch, slider)}
    assert_sound(job.evidence)


def test_a_request_that_waited_for_an_earlier_job_ends_with_a_sound_report_too(
    recommender, django_capture_on_commit_callbacks
):
    """Its rows had left the data before, so its own job takes none away, and retraining may give the same bytes."""
    with django_capture_on_commit_callbacks(execute=True):
        first = ask_erasure("u3")
        (job,) = plan_jobs()
        second = ask_erasure("u7", external_id="e-2")
        run_job(job.pk)
        _run()
    for request in (first, second):
        request.refresh_from_db()
        assert request.state == State.COMPLETED
        assert_sound(request.evidence)


def assert_sound(document):
    """Its one report passes every check."""
    (written,) = write_reports(document)
    checks = verify_report(storages["reports"].open(written.name).read(), trust())
    assert [check.detail for check in checks if not check.ok] == []
    assert len(checks) == 6


def test_what_is_left_after_an_erasure_points_at_nobody(recommender, django_capture_on_commit_callbacks, settings):
    (ann,) = find_subjects(["u3"])
    first = recommender.serving
    with django_capture_on_commit_callbacks(execute=True):
        ask_erasure("u3")
        _run()
    assert find_subjects(["u3"]) == [None]
    assert Subject.objects.get(pk=ann.pk).erased_at is not None
    assert not SealedForgetSet.objects.exists()
    recommender.refresh_from_db()
    assert ann.learning_key not in load_model(recommender.serving).subject_keys.tolist()
    assert ann.learning_key not in simulated_fleet().data().subject_keys.tolist()
    assert not storages["artifacts"].exists(first.artifact)
    assert ModelVersion.objects.get(pk=first.pk).destroyed_at is not None
    needle = int(ann.learning_key).to_bytes(8, "little", signed=True)
    for folder in (storages["artifacts"].location, settings.DEVICES):
        for path in (p for p in Path(folder).rglob("*") if p.is_file()):
            assert needle not in path.read_bytes()
    assert bytes(ann.identity_digest).hex() not in str(list(LogEntry.objects.values_list("payload", flat=True)))


def test_the_plan_is_logged_before_the_result(recommender):
    request = ask_erasure("u3")
    _run()
    request.refresh_from_db()
    plan = LogEntry.objects.get(kind="plan.frozen")
    issued = LogEntry.objects.get(kind="evidence.issued")
    assert plan.pk < issued.pk
    assert plan.payload["plan"] == request.evidence.content["plan"]["digest"]


def test_an_exact_conclusion_serves_the_model_that_training_without_the_data_gives(recommender):
    ask_erasure("u3")
    _run()
    recommender.refresh_from_db()
    served = recommender.serving
    assert served.method == "retrain"  # one subject of sixty can't be shown removed by testing
    again = train_recommender(recommender, 1, lambda f: None)
    assert again.digest == served.digest


def test_a_model_file_that_was_altered_stops_the_job_and_leaves_everything_as_it_was(recommender, settings):
    request = ask_erasure("u3")
    version = recommender.serving
    path = storages["artifacts"].path(version.artifact)
    with open(path, "r+b") as file:
        file.seek(-1, io.SEEK_END)
        last = file.read(1)
        file.seek(-1, io.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    settings.FEDSHARE_MAX_ATTEMPTS = 1
    job = _run()
    request.refresh_from_db()
    recommender.refresh_from_db()
    assert job.state == Job.State.NEEDS_ATTENTION
    assert "SHA-256" in job.trouble
    assert request.state == State.NEEDS_ATTENTION
    assert recommender.serving == version
    assert SealedForgetSet.objects.count() == 1


def test_a_failed_attempt_is_tried_again_later(recommender):
    request = ask_erasure("u3")
    path = storages["artifacts"].path(recommender.serving.artifact)
    content = open(path, "rb").read()  # noqa: SIM115
    open(path, "wb").write(b"")  # noqa: SIM115
    job = _run()
    assert (job.state, job.attempt) == (Job.State.QUEUED, 1)
    assert jobs_to_wake() == []  # it backs off
    open(path, "wb").write(content)  # noqa: SIM115
    Job.objects.update(not_before=None)
    assert jobs_to_wake() == [job.pk]
    assert jobs_to_wake() == []  # told just now
    run_job(job.pk)
    request.refresh_from_db()
    assert request.state == State.COMPLETED


def test_a_subject_who_shared_nothing_is_erased_exactly(recommender):
    ask_slider("u7", 0, "s-0")
    _run()
    request = ask_erasure("u7")
    _run()
    request.refresh_from_db()
    (rung,) = [r for r in request.evidence.content["ladder"] if r["concluded"]]
    assert (request.conclusion, rung["verdict"], rung["measurements"]) == ("exact", "not_testable", None)


def test_amplitudes_of_other_code_are_not_used(recommender):
    recommender.serving.calibration["code"] = "0" * 64
    recommender.serving.save()
    request = ask_erasure(*(f"u{n}" for n in range(10, 20)))
    _run()
    request.refresh_from_db()
    assert [rung["strategy"] for rung in request.evidence.content["ladder"]] == ["retrain"]


def test_requests_wait_for_their_batch(recommender, settings):
    settings.FEDSHARE_BATCH_WINDOW = 3600
    ask_erasure("u3")
    assert plan_jobs() == []
    settings.FEDSHARE_BATCH_WINDOW = 0
    ask_erasure("u4", external_id="e-2")
    (job,) = plan_jobs()
    assert job.requests.count() == 2
    ask_erasure("u5", external_id="e-3")
    assert plan_jobs() == []  # a model is forgotten on by one job at a time
    assert Request.objects.get(external_id="e-3").state == State.ACCEPTED


def test_a_near_deadline_closes_the_window(recommender, settings):
    settings.FEDSHARE_BATCH_WINDOW = 3600
    ask_erasure("u3")
    ask_erasure("u4", external_id="e-2")
    Request.objects.filter(external_id="e-2").update(due_at=timezone.now() + timedelta(days=1))
    (job,) = plan_jobs()
    assert job.requests.count() == 2


@pytest.fixture
def damaged_checkpoint(recommender, settings, monkeypatch):
    """A job whose attempt finds a checkpoint that is none. Yields the job and its folder."""
    ask_erasure("u3")
    (job,) = plan_jobs()
    folder = Path(settings.AUDIT_MODELS) / str(job.pk)
    folder.mkdir(parents=True)

    def read(_job):
        raise StateFileError("the checkpoint is damaged")

    monkeypatch.setattr(runner, "read_context", read)
    return job, folder


def test_a_damaged_checkpoint_is_removed_and_the_next_attempt_begins_without(damaged_checkpoint):
    job, folder = damaged_checkpoint
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.trouble) == (Job.State.QUEUED, "the checkpoint is damaged")
    assert not folder.exists()


def test_a_stale_attempt_leaves_the_checkpoints_of_the_one_that_overtook_it(damaged_checkpoint, monkeypatch):
    job, folder = damaged_checkpoint

    def overtaken(_job):
        Job.objects.update(attempt=F("attempt") + 1)
        raise StateFileError("the checkpoint is damaged")

    monkeypatch.setattr(runner, "read_context", overtaken)
    run_job(job.pk)
    assert folder.exists()
    assert Job.objects.get().state == Job.State.RUNNING


def test_what_was_withdrawn_while_a_job_ran_is_in_the_version_that_it_made(recommender, monkeypatch):
    ask_erasure("u3")
    (job,) = plan_jobs()
    later = []
    judge = runner.Checks.judge

    def meanwhile(self, *arguments):
        if not later:
            later.append(ask_erasure("u4", external_id="e-2"))
        return judge(self, *arguments)

    monkeypatch.setattr(runner.Checks, "judge", meanwhile)
    run_job(job.pk)
    assert Job.objects.get().state == Job.State.DONE
    recommender.refresh_from_db()
    assert [version.number for version in later[0].reached.order_by("number")] == [1, 2]
    run_job(plan_jobs()[0].pk)
    request = Request.objects.get(pk=later[0].pk)
    assert [one["version"] for one in request.evidence.content["lineage"]["versions_reached"]] == [1, 2]
    assert write_reports(request.evidence)


def test_a_job_that_the_release_before_began_is_finished_by_this_one(recommender, monkeypatch, settings):
    """Other code wrote its checkpoints, and measured the amplitudes: nothing of either is used."""
    request = ask_erasure("u2")
    (job,) = plan_jobs()
    before = recommender.serving
    ModelVersion.objects.filter(pk=before.pk).update(
        code_digest="0" * 64, calibration=before.calibration | {"code": "0" * 64}
    )

    def cut_off(*arguments):
        raise OSError(5, "the worker was stopped for the upgrade")

    with monkeypatch.context() as earlier:
        for module in ("fleets", "context"):
            earlier.setattr(f"unlearning.jobs.{module}.code_digest", lambda: "0" * 64)
        earlier.setattr("unlearning.jobs.runner._commit", cut_off)
        run_job(job.pk)
    assert Job.objects.get(pk=job.pk).state == Job.State.QUEUED
    assert fleets.place(settings.AUDIT_MODELS).part(str(job.pk)).names()
    Job.objects.filter(pk=job.pk).update(not_before=None)
    run_job(job.pk)
    request.refresh_from_db()
    assert (request.state, request.conclusion) == (State.COMPLETED, Request.Conclusion.EXACT)
