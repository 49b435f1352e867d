"""Jobs over the API, as a controller's back office handles them."""

import pytest

from models_engine.registry.models import Recommender
from tests.unlearning.api.clients import EVERY_SCOPE, client, post
from tests.unlearning.people import ask_erasure, make_subject
from unlearning.jobs.models import Job, JobEvent
from unlearning.requests.states import State

pytestmark = pytest.mark.django_db


@pytest.fixture
def job():
    make_subject("ann", 100)
    job = Job.objects.create(recommender=Recommender.objects.create(name="shop"), estimated_seconds=12.5)
    request = ask_erasure("ann")
    request.job, request.state = job, State.SCHEDULED
    request.save()
    return job


def test_jobs_are_listed_with_what_was_expected(job):
    office = client(scope=EVERY_SCOPE)
    (listed,) = office.get("/api/v1/jobs", {"state": "queued"}).json()["results"]
    assert (listed["id"], listed["requests"], listed["estimated_seconds"]) == (str(job.pk), 1, 12.5)
    assert office.get("/api/v1/jobs", {"state": "done"}).json()["results"] == []
    assert office.get("/api/v1/jobs", {"state": "lost"}).status_code == 400


def test_a_job_is_paused_continued_and_cancelled(job):
    office = client(scope=EVERY_SCOPE)
    paused = post(office, f"jobs/{job.pk}/pause", {"reason": "maintenance"})
    assert (paused.status_code, paused.json()["state"]) == (200, "paused")
    again = post(office, f"jobs/{job.pk}/pause")
    assert again.status_code == 409
    assert "The job is paused; this can be done while it is queued, running" in again.json()["detail"]
    assert post(office, f"jobs/{job.pk}/continue").json()["state"] == "queued"
    assert post(office, f"jobs/{job.pk}/cancel").json()["state"] == "cancelled"
    done = JobEvent.objects.values_list("action", "by", "reason")
    assert list(done) == [("pause", "crm", "maintenance"), ("go_on", "crm", ""), ("cancel", "crm", "")]
    (request,) = office.get("/api/v1/requests").json()["results"]
    assert (request["state"], request["job"]) == ("on_hold", None)


def test_the_sandbox_has_no_jobs(job):
    sandbox = client(scope=EVERY_SCOPE, sandbox=True)
    assert sandbox.get("/api/v1/jobs").status_code == 404
    assert post(sandbox, f"jobs/{job.pk}/pause").status_code == 404
    assert Job.objects.get().state == Job.State.QUEUED
