"""Model files that a kill left go as soon as nobody can register them any more, and not before."""

import os
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.files.storage import storages
from django.utils import timezone

from models_engine.registry.services import load_model, stem, store_artifact, sweep_artifacts
from tests.unlearning.people import ask_erasure
from unlearning.jobs import fleets, leasing, sweeping
from unlearning.jobs.devices import simulated_fleet
from unlearning.jobs.leasing import claim
from unlearning.jobs.models import Job
from unlearning.jobs.planning import plan_jobs
from unlearning.jobs.runner import run_job
from unlearning.lineage.freezing import freeze
from unlearning.lineage.models import Dataset

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
    serving = stem(recommender.serving.artifact)
    assert sweep_artifacts(now + timedelta(minutes=9), leasing.owners) == {serving, stem(name)}
    assert sweep_artifacts(now + timedelta(minutes=11), leasing.owners) == {serving}
    assert not storages["artifacts"].exists(name)
    assert storages["artifacts"].exists(recommender.serving.artifact)


def test_vectors_go_with_their_model_and_stay_with_one_that_serves(recommender, settings):
    fleet, serving = simulated_fleet(), stem(recommender.serving.artifact)
    name, _digest = store_artifact(load_model(recommender.serving), "nobody-1")
    fleet.keep_private(stem(name), fleet.private(serving))
    sweeping.sweep()
    assert fleet.models() == [serving]
    # Not seeing the files, such as of a disk that is not mounted, is no reason to drop anything.
    storages["artifacts"].delete(recommender.serving.artifact)
    sweeping.sweep()
    assert fleet.models() == [serving]


def test_what_is_none_of_ours_is_left_alone(recommender, settings):
    other = settings.AUDIT_MODELS / "lost+found"
    other.mkdir(parents=True)
    sweeping.sweep()
    assert other.exists()


@pytest.mark.parametrize(("rested", "forgotten", "stays"), [(5, True, True), (20, True, False), (20, False, True)])
def test_an_interrupted_certification_goes_once_what_it_knows_was_forgotten(
    recommender, settings, rested, forgotten, stays
):
    owner = uuid4()
    fleet = fleets.AuditFleet(owner, recommender.fedshare_config())
    fleet.learns_as_of(freeze())
    if forgotten:
        ask_erasure("u1")
        plan_jobs()
        run_job(Job.objects.get().pk)
    fleet.begin({"about": 1})
    fleet.learns_as_of(
        Dataset.objects.earliest("pk").as_of if forgotten else freeze()
    )  # written after it was forgotten
    folder = settings.AUDIT_MODELS / str(owner)
    then = (timezone.now() - timedelta(minutes=rested)).timestamp()
    for file in folder.iterdir():
        os.utime(file, (then, then))
    sweeping.sweep()
    assert folder.exists() == stays


def test_what_lies_in_a_bucket_is_swept_as_well(recommender, monkeypatch, settings):
    """There a folder is no object, and to ask for it finds nothing."""
    storage = type(storages["artifacts"])
    exists = storage.exists
    monkeypatch.setattr(storage, "exists", lambda self, name: not name.endswith("/") and exists(self, name))
    fleet, name = simulated_fleet(), store_artifact(load_model(recommender.serving), "nobody-1")[0]
    fleet.keep_private(stem(name), fleet.private(stem(recommender.serving.artifact)))
    ask_erasure("u1")
    (job,) = plan_jobs()
    held = claim(job.pk)
    coming, _digest = store_artifact(load_model(recommender.serving), held.owner)
    fleet.keep_private(stem(coming), fleet.private(stem(recommender.serving.artifact)))
    sweeping.sweep()
    assert set(fleet.models()) == {stem(coming), stem(recommender.serving.artifact)}
