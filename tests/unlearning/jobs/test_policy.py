"""What a policy and an officer's wish do to a job."""

import pytest

from tests.unlearning.people import ask_erasure
from unlearning.jobs import control
from unlearning.jobs.models import Job, RecommendationSample
from unlearning.jobs.planning import plan_jobs
from unlearning.jobs.runner import run_job
from unlearning.lineage.models import Interaction
from unlearning.requests import policy
from unlearning.requests.actions import By
from unlearning.requests.errors import NotAllowed
from unlearning.requests.models import Request
from unlearning.requests.states import State

pytestmark = pytest.mark.django_db


def test_a_narrower_margin_is_frozen_checked_and_verifies(recommender):
    from django.core.files.storage import storages

    from audits.evidence.keys import log_verifier_keys
    from audits.reports.verify import Trust, verify_report
    from audits.reports.verify.checks import is_sound
    from audits.reports.writing import write_reports

    policy.set_policy(policy.InForce("quick", 10, 0, 3, ""), "ada")
    request = ask_erasure("u1")
    (job,) = plan_jobs()
    run_job(job.pk)
    request.refresh_from_db()
    assert request.state == State.COMPLETED
    assert request.plan["margin"] == 0.1
    assert request.verdict == request.evidence.content["ladder"][-1]["verdict"]
    (report,) = write_reports(request.evidence)
    trust = Trust(log_verifier_keys())
    assert is_sound(verify_report(storages["reports"].open(report.name).read(), trust), trust)


def test_an_exact_result_leaves_the_statistical_rungs_out(recommender):
    request = ask_erasure("u2")
    (job,) = plan_jobs()
    control.escalate(job.pk, By("ann", "the customer insists"))
    with pytest.raises(NotAllowed):
        control.escalate(job.pk, By("ann"))
    run_job(job.pk)
    request.refresh_from_db()
    assert request.conclusion == Request.Conclusion.EXACT
    assert [rung["strategy"] for rung in request.evidence.content["ladder"]] == ["retrain"]


def test_a_job_that_needs_attention_goes_on_with_an_exact_result(recommender):
    request = ask_erasure("u2")
    (job,) = plan_jobs()
    Request.objects.filter(pk=request.pk).update(state=State.UNLEARNING)
    job.state, job.tries = Job.State.RUNNING, 3
    job.save()
    control.ask_for_attention(job, "why")
    control.escalate(job.pk, By("ann"))
    job.refresh_from_db()
    assert (job.state, job.tries, job.exact_only) == (Job.State.QUEUED, 0, True)
    assert Request.objects.get(pk=request.pk).state == State.SCHEDULED


def test_samples_are_of_others_and_go_with_their_subjects(recommender):
    request = ask_erasure("u3")
    (job,) = plan_jobs()
    run_job(job.pk)
    erased = request.subjects.get().subject_id
    samples = list(RecommendationSample.objects.select_related("version"))
    assert 0 < len(samples) <= 5
    assert all(one.version.number == 2 and len(one.before) == len(one.after) == 10 for one in samples)
    assert erased not in {one.subject_id for one in samples}
    # Nobody is recommended what they know.
    for one in samples:
        known = Interaction.objects.filter(subject=one.subject_id, held_out=False)
        assert not set(known.values_list("item__external_id", flat=True)) & {*one.before, *one.after}
    from unlearning.lineage.subjects import shred

    shred(samples[0].subject)
    assert not RecommendationSample.objects.filter(subject=samples[0].subject_id).exists()
