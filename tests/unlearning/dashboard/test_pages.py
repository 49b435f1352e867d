import pytest
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from audits.evidence.models import IssuedDocument
from models_engine.registry.models import Recommender
from tests.unlearning.people import ask_erasure, make_subject
from unlearning.jobs.models import Job, JobEvent
from unlearning.requests.models import Request
from unlearning.requests.states import State

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer():
    client = Client()
    client.force_login(get_user_model().objects.create_user("officer"))
    return client


@pytest.fixture
def request_id():
    make_subject("ann@example.org", 100)
    return ask_erasure("ann@example.org").pk


def _pages(request_id):
    return ["/", f"/requests/{request_id}/", f"/requests/{request_id}/progress"]


def test_nobody_sees_a_page_without_signing_in(request_id):
    for page in [*_pages(request_id), f"/requests/{request_id}/report.pdf", f"/requests/{request_id}/influence.svg"]:
        answer = Client().get(page)
        assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/sign-in/")


def test_pages_show_the_request_and_no_identity(officer, request_id):
    for page in _pages(request_id):
        answer = officer.get(page)
        assert answer.status_code == 200
        assert "accepted" in answer.content.decode()
        assert "ann@" not in answer.content.decode()


def test_pages_have_a_strict_content_security_policy(officer):
    policy = officer.get("/")["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_there_is_no_report_before_the_end(officer, request_id):
    assert officer.get(f"/requests/{request_id}/report.pdf").status_code == 404
    assert officer.get(f"/requests/{request_id}/influence.svg").status_code == 404


def test_an_empty_list_says_how_a_request_comes_in(officer):
    assert "POST /api/v1/requests" in officer.get("/").content.decode()


def test_a_page_only_reads(officer):
    assert officer.post("/").status_code == 405


@pytest.fixture
def issued_register(officer):
    answer = officer.post("/reports/register", {"start": "2026-01-01", "until": "2026-02-01"})
    assert (answer.status_code, answer["Location"]) == (302, "/reports/")
    return IssuedDocument.objects.get()


def test_a_register_is_issued_listed_and_downloaded(officer, issued_register):
    page = officer.get("/reports/").content.decode()
    assert f"/reports/{issued_register.pk}.pdf" in page
    assert b"".join(officer.get(f"/reports/{issued_register.pk}.pdf").streaming_content).startswith(b"%PDF-")


def test_a_period_that_ends_before_it_begins_is_refused(officer):
    answer = officer.post("/reports/register", {"start": "2026-02-01", "until": "2026-01-01"})
    assert answer.status_code == 400
    assert "Give a day after the first." in answer.content.decode()
    assert not IssuedDocument.objects.exists()


def test_a_report_is_checked(officer, issued_register):
    pdf = b"".join(officer.get(f"/reports/{issued_register.pk}.pdf").streaming_content)
    for content, verdict in ((pdf, "The report is sound."), (pdf[:-9] + b"x" + pdf[-8:], "does NOT verify")):
        answer = officer.post("/reports/check", {"report": SimpleUploadedFile("r.pdf", content)})
        assert answer.status_code == 200
        assert verdict in answer.content.decode()


def test_no_file_is_no_report(officer):
    answer = officer.post("/reports/check", {})
    assert answer.status_code == 400
    assert 'role="alert"' in answer.content.decode()


@pytest.mark.parametrize("page", ["/reports/", "/reports/check", "/reports/1.pdf"])
def test_reports_are_for_officers(page):
    assert Client().get(page)["Location"].startswith("/sign-in/")


def test_the_buttons_on_a_job_do_what_they_say(officer, request_id):
    job = Job.objects.create(recommender=Recommender.objects.create(name="shop"))
    Request.objects.filter(pk=request_id).update(job=job, state=State.SCHEDULED)
    page = officer.get(f"/requests/{request_id}/").content.decode()
    assert "Pause</button>" in page
    assert "Continue</button>" not in page
    paused = officer.post(f"/requests/{request_id}/job/pause", follow=True).content.decode()
    assert "The job is paused." in paused
    assert "Continue</button>" in paused
    assert (
        "Nothing was done: the job is paused"
        in officer.post(f"/requests/{request_id}/job/pause", follow=True).content.decode()
    )
    assert "on hold" in officer.post(f"/requests/{request_id}/job/cancel", follow=True).content.decode()
    assert list(JobEvent.objects.values_list("action", "by")) == [("pause", "officer"), ("cancel", "officer")]
    assert officer.get(f"/requests/{request_id}/job/pause").status_code == 405
    assert officer.post(f"/requests/{request_id}/job/pause").status_code == 404
