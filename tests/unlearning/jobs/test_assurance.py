"""Requests at the higher levels, on a small world."""

from dataclasses import replace

import pytest

from audits.evidence.models import LogEntry
from audits.reports.verify import verify_report
from audits.verification.errors import AuditError
from audits.verification.plan import FULL, LEVELS, STANDARD
from tests.audits.reports.sample import signed_report
from tests.audits.reports.test_verify import trust
from tests.unlearning.people import ask_erasure, ask_slider
from unlearning.jobs.context import read_context
from unlearning.jobs.models import Job
from unlearning.jobs.planning import plan_jobs
from unlearning.jobs.plans import freeze_plans
from unlearning.jobs.runner import run_job
from unlearning.requests.models import Request

pytestmark = pytest.mark.django_db
FEW = {"references": 6, "known": 6}


@pytest.fixture
def level(request, settings, monkeypatch):
    """With fewer models, to be quick."""
    chosen = getattr(request, "param", STANDARD)
    settings.FEDSHARE_ASSURANCE = chosen.name
    monkeypatch.setitem(LEVELS, chosen.name, replace(chosen, **FEW))
    return LEVELS[chosen.name]


def _requests() -> list[Request]:
    batch = ask_erasure(*(f"u{n}" for n in range(10)))
    slider = ask_slider("u20", 10)
    return [batch, slider]


def _run() -> Job:
    (job,) = plan_jobs()
    run_job(job.pk)
    job.refresh_from_db()
    return job


@pytest.mark.parametrize("level", [STANDARD, FULL], ids=lambda level: level.name, indirect=True)
def test_models_that_know_the_data_are_trained_used_and_destroyed(
    recommender, level, settings, django_capture_on_commit_callbacks
):
    requests = _requests()
    with django_capture_on_commit_callbacks(execute=True):
        job = _run()
    assert (job.state, job.trouble) == (Job.State.DONE, "")
    assert list(settings.AUDIT_MODELS.iterdir()) == []
    entry = LogEntry.objects.get(kind="audit_models.destroyed")
    assert (entry.payload["owner"], entry.payload["known"]) == (str(job.pk), 6)
    for request in requests:
        request.refresh_from_db()
        document = request.evidence.content
        assert document["audit_models"] == {"references": 6, "known": 6, "job": str(job.pk)}
        first = document["ladder"][0]
        assert first["strategy"] == "contrastive"
        assert (first["repeated"] is not None) == level.repeats
        if level.repeats:
            assert first["repeated"]["models"] == 6
            assert {a["name"] for a in first["repeated"]["membership"][0]["attacks"]} == set(level.attacks)
        assert document["collateral"]["subjects"] > 0
        checks = verify_report(signed_report(document), trust())
        assert [check.detail for check in checks if not check.ok] == []


def test_the_estimate_is_there_before_the_job_begins(recommender, level):
    _requests()
    (job,) = plan_jobs()
    one = recommender.serving.metrics["training_seconds"]
    assert job.estimated_seconds == pytest.approx((level.trainings + 1) * one)


def test_a_plan_that_was_changed_after_freezing_stops_the_job(recommender, level, settings):
    settings.FEDSHARE_MAX_ATTEMPTS = 1
    request, _ = _requests()
    (job,) = plan_jobs()
    context = read_context(job)
    freeze_plans(context)
    request.refresh_from_db()
    request.plan["margin"] = 0.4
    request.save(update_fields=["plan"])
    with pytest.raises(AuditError, match="changed after it was frozen"):
        freeze_plans(read_context(job))
    run_job(job.pk)
    job.refresh_from_db()
    assert job.state == Job.State.NEEDS_ATTENTION
    assert "changed after it was frozen" in job.trouble


def test_a_later_attempt_keeps_the_plan_that_was_frozen(recommender, level, settings):
    _requests()
    (job,) = plan_jobs()
    first = freeze_plans(read_context(job))
    settings.FEDSHARE_ASSURANCE = "quick"
    assert freeze_plans(read_context(job)) == first
    assert LogEntry.objects.filter(kind="plan.frozen").count() == len(first)
