import time
from datetime import timedelta

import pytest
from django.utils import timezone

from models_engine.registry.models import Recommender
from unlearning.jobs import control
from unlearning.jobs.leasing import LeaseLost, claim
from unlearning.jobs.models import Job
from unlearning.jobs.planning import give_up_silent_jobs, jobs_to_wake
from unlearning.requests.actions import By


@pytest.fixture
def job(db):
    return Job.objects.create(recommender=Recommender.objects.create(name="shop"))


def test_a_job_is_claimed_by_one_worker(job):
    assert claim(job.pk).token == 1
    assert claim(job.pk) is None


def test_a_job_whose_worker_went_silent_is_claimed_by_another(job):
    claim(job.pk)
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert claim(job.pk).token == 2


def test_a_worker_that_was_overtaken_can_neither_report_nor_commit(job):
    stale = claim(job.pk)
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    fresh = claim(job.pk)
    with pytest.raises(LeaseLost):
        stale.phase("late")
    with pytest.raises(LeaseLost), stale.commit():
        Job.objects.update(phase="stolen")
    with fresh.commit() as row:
        assert row.phase == ""


def test_a_sign_of_life_extends_the_lease(job):
    held = claim(job.pk)
    Job.objects.update(lease_until=timezone.now())
    held.phase("train")
    assert Job.objects.get().lease_until > timezone.now() + timedelta(seconds=30)


def test_a_job_that_backs_off_is_not_claimed_early(job):
    Job.objects.update(not_before=timezone.now() + timedelta(minutes=1))
    assert claim(job.pk) is None


def test_the_time_of_phases_is_kept(job):
    held = claim(job.pk)
    for phase in ("one", "two", "one", "three"):
        held.phase(phase)
    assert set(Job.objects.get().timings) == {"one", "two"}


def test_a_job_that_kills_its_workers_is_given_up(job, settings):
    silent = {"lease_until": timezone.now() - timedelta(seconds=1)}
    for _ in range(settings.FEDSHARE_MAX_ATTEMPTS):
        claim(job.pk).phase("references")
        give_up_silent_jobs()
        Job.objects.update(**silent)
    assert claim(job.pk) is None
    assert jobs_to_wake() == []
    give_up_silent_jobs()
    job.refresh_from_db()
    assert job.state == Job.State.NEEDS_ATTENTION
    assert "killed, or ran out of memory" in job.trouble
    assert "“references”" in job.trouble


def test_a_worker_keeps_its_job_through_a_step_that_reports_nothing(settings, committed):
    settings.FEDSHARE_LEASE = 0.4
    job = Job.objects.create(recommender=Recommender.objects.create(name="shop"))
    held = claim(job.pk)
    with held.alive():
        time.sleep(1)
        assert claim(job.pk) is None
    time.sleep(0.6)
    assert claim(job.pk).token == 2


def test_a_job_that_was_stopped_is_not_kept(settings, committed):
    settings.FEDSHARE_LEASE = 0.4
    job = Job.objects.create(recommender=Recommender.objects.create(name="shop"))
    with claim(job.pk).alive():
        control.pause(job.pk, By("officer"))
        until = Job.objects.get().lease_until
        time.sleep(0.5)
        assert Job.objects.get().lease_until == until
