"""Taking in what a customer asked by letter or telephone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from audits.evidence.document import REGISTER
from audits.evidence.models import IssuedDocument
from tests.unlearning.people import ask_erasure, make_subject
from unlearning.consent.models import ConsentEvent
from unlearning.consent.services import record_consent
from unlearning.lineage.models import Interaction, Subject
from unlearning.officers.models import AccessRecord
from unlearning.requests.deadlines import deadline_of
from unlearning.requests.models import Manner, Request
from unlearning.requests.states import State

pytestmark = pytest.mark.django_db

ASKED = {"kind": "erase", "regime": "gdpr", "external_id": "letter-7"}


@pytest.fixture
def ann():
    make_subject("ann@example.org", 100)
    return Subject.objects.get()


def _sent(**more):
    return ASKED | {"received_on": str(timezone.localdate()), "confirm": "1"} | more


def test_an_erasure_whose_requester_is_known_is_accepted_at_once(officer, ann):
    answer = officer.post(f"/subjects/{ann.pk}/ask", _sent(reason="came to the desk with their loyalty card"))
    request = Request.objects.get()
    assert answer["Location"] == f"/requests/{request.pk}/"
    assert (request.state, request.manner, request.external_id) == (State.ACCEPTED, Manner.DESK, "letter-7")
    assert not Interaction.objects.exists()
    event = request.events.get()
    assert (event.action, event.by, event.reason) == ("taken_in", "ann", "came to the desk with their loyalty card")
    page = officer.get(f"/requests/{request.pk}/").content.decode()
    assert "by dashboard" not in page
    assert AccessRecord.objects.filter(by="ann", what="take_in", subject=ann.pk, detail="letter-7").exists()


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
    officer.post(
        f"/subjects/{ann.pk}/ask", _sent(kind="unshare", share_percent=percent, reason="by telephone, called back")
    )
    request = Request.objects.get()
    assert (request.kind, request.share_percent_after, request.manner) == ("unshare", left, Manner.DESK)
    event = ConsentEvent.objects.order_by("pk").last()
    assert (event.share_percent, event.channel) == (left, "desk")
    assert request.events.get().reason == "by telephone, called back"


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
        {"share_percent": "100", "kind": "unshare", "reason": "x"},
        {"kind": "unshare"},
        {"external_id": "a\x01b"},
        {"external_id": "a\u202eb"},
        {"regime": "none"},
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(officer, ann, wrong):
    assert officer.post(f"/subjects/{ann.pk}/ask", _sent(**wrong)).status_code == 400
    assert not Request.objects.exists()


def test_a_customer_who_is_being_erased_can_ask_nothing_more(officer, ann):
    officer.post(f"/subjects/{ann.pk}/ask", _sent(reason="at the desk"))
    answer = officer.post(f"/subjects/{ann.pk}/ask", _sent(kind="unshare", external_id="letter-8", reason="x"))
    assert answer.status_code == 400
    assert "being erased already" in answer.content.decode()


def test_a_letter_is_taken_in_once_though_its_requester_is_established_later(officer, ann):
    officer.post(f"/subjects/{ann.pk}/ask", _sent())
    officer.post(f"/subjects/{ann.pk}/ask", _sent(reason="came to the desk"))
    assert Request.objects.get().state == State.IDENTITY_PENDING  # the request's own page establishes who they are


def test_an_older_letter_changes_nothing_of_a_newer_decision(officer, ann):
    """What was decided since the letter was sent stays in force."""
    day = timezone.localdate() - timedelta(days=60)
    before = timezone.now() - timedelta(days=90)
    decided = timezone.now() - timedelta(days=1)
    for at in (before, decided):
        record_consent(subject=ann, share_percent=100, channel="shop", recorded_by="crm", effective_at=at)
    sent = _sent(kind="unshare", share_percent="10", received_on=str(day), reason="signed letter")
    page = officer.post(f"/subjects/{ann.pk}/ask", sent, follow=True).content.decode()
    assert "Nothing that is shared has to be taken back" in page
    assert (Request.objects.count(), Interaction.objects.count()) == (0, 40)


@pytest.mark.parametrize(
    ("first", "second", "regime"), [("ccpa", "gdpr", "gdpr"), ("gdpr", "ccpa", "gdpr"), ("gdpr", "gdpr", "gdpr")]
)
def test_a_merged_request_is_due_when_the_first_who_asked_must_have_an_answer(officer, ann, first, second, regime):
    request = ask_erasure("ann@example.org", external_id="crm-1", regime=first, identity_verified=False)
    before = request.due_at
    ago = timedelta(days=0 if second == "ccpa" else 10)
    sent = _sent(external_id="letter-9", regime=second, received_on=str(timezone.localdate() - ago))
    officer.post(f"/subjects/{ann.pk}/ask", sent)
    request.refresh_from_db()
    assert request.duplicates.get().regime == second
    assert request.regime == regime
    assert (request.due_at < before) == (second == "gdpr")
    assert request.due_at == deadline_of(request, extended=False)


def test_one_number_stands_for_one_thing(officer, ann):
    ask_erasure("ann@example.org", external_id="crm-1", identity_verified=False)
    officer.post(f"/subjects/{ann.pk}/ask", _sent(external_id="dup-1"))
    answer = officer.post(f"/subjects/{ann.pk}/ask", _sent(external_id="dup-1", kind="unshare", reason="x"))
    assert answer.status_code == 400


def test_a_register_has_the_letters_of_its_days(officer, ann, settings):
    settings.FEDSHARE_TIME_ZONE = "Europe/Paris"
    day = timezone.localdate() - timedelta(days=2)
    officer.post(f"/subjects/{ann.pk}/ask", _sent(received_on=str(day)))
    officer.post("/evidence/register", {"start": str(day), "until": str(day + timedelta(days=1))})
    assert IssuedDocument.objects.get(schema=REGISTER).content["totals"]["received"] == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"reason": "at the desk"}, "At most 40 rows leave the tables at once"),
        ({}, "Nothing is removed until you establish who they are"),
        ({"kind": "unshare", "share_percent": "99", "reason": "x"}, "They share 99 percent from now on"),
    ],
)
def test_what_it_will_do_is_said_before_it_is_done(officer, ann, more, says):
    sent = _sent(**more)
    del sent["confirm"]
    page = officer.post(f"/subjects/{ann.pk}/ask", sent).content.decode()
    assert says in page
    assert "It is due on" in page
    assert (Request.objects.count(), Interaction.objects.count()) == (0, 40)
