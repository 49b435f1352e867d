"""Model files that a kill left go as soon as nobody can register them any more, and not before."""

from datetime import timedelta

import pytest
from django.core.files.storage import storages
from django.utils import timezone

from models_engine.registry.services import load_model, store_artifact, sweep_artifacts
from tests.unlearning.people import ask_erasure
from unlearning.jobs import leasing, sweeping
from unlearning.jobs.leasing import claim
from unlearning.jobs.models import Job
from unlearning.jobs.planning import plan_jobs

pytestmark = pytest.mark.django_db


def test_what_an_attempt_stored_goes_once_another_has_the_job(recommender):
    ask_erasure("u1")
    (job,) = plan_jobs()
    held = claim(job.pk)
    name, _digest = store_artifact(load_model(recommender.serving), held.owner)
    sweeping.sweep()
    assert storages["artifacts"].exists(name)  # it may be about to be registered
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    again = claim(job.pk)
    other, _digest = store_artifact(load_model(recommender.serving), again.owner)
    sweeping.sweep()
    assert not storages["artifacts"].exists(name)
    assert storages["artifacts"].exists(other)
    assert storages["artifacts"].exists(recommender.serving.artifact)
    Job.objects.filter(pk=job.pk).update(state=Job.State.CANCELLED)
    sweeping.sweep()
    assert not storages["artifacts"].exists(other)


def test_what_a_training_stored_goes_after_ten_minutes(recommender):
    name, _digest = store_artifact(load_model(recommender.serving))
    now = timezone.now()
    assert sweep_artifacts(now + timedelta(minutes=9), leasing.owners) == 0
    assert sweep_artifacts(now + timedelta(minutes=11), leasing.owners) == 1
    assert not storages["artifacts"].exists(name)
    assert storages["artifacts"].exists(recommender.serving.artifact)
