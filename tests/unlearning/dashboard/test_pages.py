import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from tests.unlearning.people import make_subject
from unlearning.requests.services import erase

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer():
    client = Client()
    client.force_login(get_user_model().objects.create_user("officer"))
    return client


@pytest.fixture
def request_id():
    make_subject("ann@example.org", 100)
    return erase(identities=["ann@example.org"], regime="gdpr", source="crm", external_id="r-1")[0].pk


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
