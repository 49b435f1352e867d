"""Taking in what a customer asked by letter or telephone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.unlearning.people import make_subject
from unlearning.consent.models import ConsentEvent
from unlearning.lineage.models import Interaction, Subject
from unlearning.requests.models import Manner, Request
from unlearning.requests.states import State

pytestmark = pytest.mark.django_db

ASKED = {"kind": "erase", "regime": "gdpr", "external_id": "letter-7"}


@pytest.fixture
def ann():
    make_subject("ann@example.org", 100)
    return Subject.objects.get()


def _sent(**more):
    return ASKED | {"received_on": str(timezone.localdate())} | more


def test_an_erasure_whose_requester_is_known_is_accepted_at_once(officer, ann):
    answer = officer.post(f"/subjects/{ann.pk}/ask", _sent(reason="came to the desk with their loyalty card"))
    request = Request.objects.get()
    assert answer["Location"] == f"/requests/{request.pk}/"
    assert (request.state, request.manner, request.external_id) == (State.ACCEPTED, Manner.DESK, "letter-7")
    assert not Interaction.objects.exists()
    assert list(request.events.values_list("action", "by")) == [
        ("identity_asked", "dashboard"),
        ("identity_verified", "ann"),
    ]


def test_one_whose_requester_is_not_known_yet_waits(officer, ann):
    officer.post(f"/subjects/{ann.pk}/ask", _sent())
    assert Request.objects.get().state == State.IDENTITY_PENDING
    assert Interaction.objects.count() == 40


def test_the_period_is_counted_from_the_day_of_receipt(officer, ann):
    day = timezone.localdate() - timedelta(days=5)
    officer.post(f"/subjects/{ann.pk}/ask", _sent(received_on=str(day), regime="ccpa"))
    request = Request.objects.get()
    assert request.received_at.date() == day
    assert (request.due_at.date() - day).days == 46  # the first moment after the 45th day


@pytest.mark.parametrize(("percent", "left"), [("", 0), ("50", 50)])
def test_unsharing_lowers_the_ratio_and_takes_the_rows_back(officer, ann, percent, left):
    officer.post(f"/subjects/{ann.pk}/ask", _sent(kind="unshare", share_percent=percent))
    request = Request.objects.get()
    assert (request.kind, request.share_percent_after, request.manner) == ("unshare", left, Manner.DESK)
    event = ConsentEvent.objects.order_by("pk").last()
    assert (event.share_percent, event.channel) == (left, "desk")


def test_the_same_letter_is_taken_in_once_and_another_s_number_is_refused(officer, ann):
    officer.post(f"/subjects/{ann.pk}/ask", _sent())
    again = officer.post(f"/subjects/{ann.pk}/ask", _sent(), follow=True).content.decode()
    assert "taken in before" in again
    make_subject("bob@example.org", 100)
    bob = Subject.objects.exclude(pk=ann.pk).get()
    assert officer.post(f"/subjects/{bob.pk}/ask", _sent()).status_code == 400
    assert Request.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "sell"},
        {"external_id": ""},
        {"received_on": "2999-01-01"},
        {"received_on": "2001-01-01"},
        {"received_on": "yesterday"},
        {"share_percent": "100", "kind": "unshare"},
        {"regime": "none"},
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(officer, ann, wrong):
    assert officer.post(f"/subjects/{ann.pk}/ask", _sent(**wrong)).status_code == 400
    assert not Request.objects.exists()


def test_a_customer_who_is_being_erased_can_ask_nothing_more(officer, ann):
    officer.post(f"/subjects/{ann.pk}/ask", _sent(reason="at the desk"))
    answer = officer.post(f"/subjects/{ann.pk}/ask", _sent(kind="unshare", external_id="letter-8"))
    assert answer.status_code == 400
    assert "being erased already" in answer.content.decode()
