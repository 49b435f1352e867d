"""What an officer does about requests."""

from datetime import timedelta
from html import unescape
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from models_engine.registry.models import Recommender
from tests.unlearning.dashboard.conftest import sign_in
from tests.unlearning.people import ask_erasure, make_subject
from unlearning.dashboard.requests.acting import ACTIONS
from unlearning.jobs.models import Job, JobEvent
from unlearning.officers.models import Officer
from unlearning.officers.roles import Role
from unlearning.requests.deadlines import deadline_of, last_day_before
from unlearning.requests.models import Proposal, Request, RequestEvent
from unlearning.requests.states import State

pytestmark = pytest.mark.django_db


def _act(client, request, name, **given):
    return client.post(f"/requests/{request.pk}/act/{name}", given, follow=True)


def _state(request):
    return Request.objects.get(pk=request.pk).state


def test_an_identity_is_established_with_how(officer, undecided):
    assert _act(officer, undecided, "verify-identity").status_code == 400
    assert _state(undecided) == State.IDENTITY_PENDING
    page = _act(officer, undecided, "verify-identity", reason="signed in to their account").content.decode()
    assert "the rows have left the tables" in page
    assert _state(undecided) == State.ACCEPTED
    event = undecided.events.get(action=RequestEvent.Action.VERIFY_IDENTITY)
    assert (event.by, event.reason) == ("ann", "signed in to their account")


def test_hold_and_release(officer, undecided):
    _act(officer, undecided, "hold", reason="waiting for the shop")
    assert _state(undecided) == State.ON_HOLD
    _act(officer, undecided, "release")
    assert _state(undecided) == State.IDENTITY_PENDING


def test_an_extension_says_when_it_is_due_now(officer, undecided):
    _act(officer, undecided, "extend", reason="complexity")
    after = Request.objects.get(pk=undecided.pk)
    assert after.extended_at
    assert after.due_at > undecided.due_at
    page = officer.get(f"/requests/{undecided.pk}/").content.decode()
    assert "act-extend" not in page


def test_what_the_state_does_not_allow_is_said_and_not_done(officer, accepted):
    for name in ("verify-identity", "refuse", "close", "release"):
        page = _act(officer, accepted, name, reason="r", ground="legal_claims").content.decode()
        assert "Nothing was done: the request is “accepted” now" in page, name
    assert _state(accepted) == State.ACCEPTED
    assert not Proposal.objects.exists()


def test_a_refusal_takes_two(officer, second_officer, undecided):
    page = _act(officer, undecided, "refuse", ground="legal_claims", reason="a suit is pending").content.decode()
    assert "Your proposal waits for another officer." in page
    assert "Another officer has to confirm it." in page
    assert _state(undecided) == State.IDENTITY_PENDING
    proposal = Proposal.objects.get()
    own = officer.post(f"/requests/proposals/{proposal.pk}/confirm", follow=True).content.decode()
    assert "who proposed it can&#x27;t confirm it" in own
    assert _state(undecided) == State.IDENTITY_PENDING
    home = second_officer.get("/").content.decode()
    assert "ann proposes to refuse it" in home
    second_officer.post(f"/requests/proposals/{proposal.pk}/confirm")
    ended = Request.objects.get(pk=undecided.pk)
    assert (ended.state, ended.denial) == (State.REFUSED, "legal_claims")
    assert ended.events.get(action=RequestEvent.Action.REFUSE).by == "ann, ben"
    page = second_officer.get(f"/requests/{undecided.pk}/").content.decode()
    assert "legal claims, GDPR art. 17(3)(e)" in page
    assert "Refusal proposed" in page


def test_a_refusal_needs_ground_and_reason(officer, undecided):
    assert _act(officer, undecided, "refuse", reason="r").status_code == 400
    assert _act(officer, undecided, "refuse", ground="ca_legal", reason="r").status_code == 400
    assert _act(officer, undecided, "refuse", ground="legal_claims").status_code == 400
    assert not Proposal.objects.exists()


def test_a_closing_takes_two_and_can_be_declined(officer, second_officer, undecided):
    _act(officer, undecided, "close", reason="taken back by telephone")
    second_officer.post(f"/requests/proposals/{Proposal.objects.get().pk}/decline")
    assert _state(undecided) == State.IDENTITY_PENDING
    _act(officer, undecided, "close", reason="taken back by letter")
    second_officer.post(f"/requests/proposals/{Proposal.objects.get(outcome='').pk}/confirm")
    assert _state(undecided) == State.CANCELLED


def test_a_proposal_falls_with_what_happens_meanwhile(officer, second_officer, undecided):
    _act(officer, undecided, "close", reason="r")
    _act(second_officer, undecided, "verify-identity", reason="signed in")
    assert Proposal.objects.get().outcome == Proposal.Outcome.LAPSED
    assert "proposes to close it" not in second_officer.get("/").content.decode()
    page = second_officer.post(f"/requests/proposals/{Proposal.objects.get().pk}/confirm", follow=True)
    assert "Nothing was done" in page.content.decode()
    assert _state(undecided) == State.ACCEPTED


@pytest.fixture
def working(accepted):
    job = Job.objects.create(recommender=Recommender.objects.create(name="shop"))
    Request.objects.filter(pk=accepted.pk).update(job=job, state=State.SCHEDULED)
    return accepted


def test_the_job_is_paused_continued_escalated_and_cancelled(officer, working):
    for name, said, state in (
        ("pause", "The job is paused.", Job.State.PAUSED),
        ("continue", "The job goes on.", Job.State.QUEUED),
        ("escalate", "The job goes straight to an exact result.", Job.State.QUEUED),
        ("cancel-job", "on hold", Job.State.CANCELLED),
    ):
        assert said in _act(officer, working, name, reason="why").content.decode(), name
        assert Job.objects.get().state == state
    assert Job.objects.get().exact_only
    actions = list(JobEvent.objects.values_list("action", flat=True))
    assert actions == ["pause", "go_on", "escalate", "cancel"]
    assert _state(working) == State.ON_HOLD


def test_a_bulk_action_is_previewed_then_done(officer, accepted, undecided):
    make_subject("cid@example.org", 100)
    third = ask_erasure("cid@example.org", external_id="e-3")
    Request.objects.filter(pk=third.pk).update(state=State.SCHEDULED)
    chosen = {"action": "hold", "request": [str(one.pk) for one in (accepted, undecided, third)]}
    page = officer.post("/requests/bulk", chosen).content.decode()
    assert "It will be done to 2 requests" in page
    assert "Not to 1 other" in page
    assert _state(accepted) == State.ACCEPTED
    assert officer.post("/requests/bulk", chosen | {"confirm": "1"}).status_code == 400  # no reason
    officer.post("/requests/bulk", chosen | {"confirm": "1", "reason": "stocktaking"})
    assert [_state(one) for one in (accepted, undecided, third)] == [State.ON_HOLD, State.ON_HOLD, State.SCHEDULED]


@pytest.mark.parametrize("body", [{}, {"action": "refuse"}, {"action": "hold"}, {"action": "hold", "request": "x"}])
def test_a_bulk_action_without_sense_does_nothing(officer, accepted, body):
    page = officer.post("/requests/bulk", body, follow=True).content.decode()
    assert "Nothing was done" in page
    assert _state(accepted) == State.ACCEPTED


def test_an_unknown_action_is_not_there(officer, accepted):
    assert officer.get(f"/requests/{accepted.pk}/act/nonsense").status_code == 404


def test_every_action_says_what_it_will_do(officer, undecided, working):
    for request in (undecided, working):
        page = officer.get(f"/requests/{request.pk}/").content.decode()
        for name in ACTIONS:
            if f'id="act-{name}"' in page:
                said = officer.get(f"/requests/{request.pk}/act/{name}").content.decode()
                assert str(ACTIONS[name].says) in unescape(said)


def test_a_proposal_is_confirmed_or_declined_and_nothing_else(officer, second_officer, undecided):
    _act(officer, undecided, "close", reason="r")
    assert second_officer.post(f"/requests/proposals/{Proposal.objects.get().pk}/CONFIRM").status_code == 404
    assert Proposal.objects.get().decided_at is None


def test_long_names_stand_in_the_history_whole(undecided):
    first, second = sign_in(Role.OFFICER, "a" * 150), sign_in(Role.OFFICER, "b" * 150)
    _act(first, undecided, "hold", reason="r")
    _act(first, undecided, "close", reason="r")
    second.post(f"/requests/proposals/{Proposal.objects.get().pk}/confirm")
    assert undecided.events.get(action=RequestEvent.Action.CANCEL).by == f"{'a' * 150}, {'b' * 150}"


def test_a_bulk_action_on_all_that_fit_keeps_the_filters(officer, accepted, undecided):
    chosen = {"action": "hold", "query": "kind=erase&state=identity_pending", "all": "1"}
    page = officer.post("/requests/bulk", chosen).content.decode()
    assert undecided.external_id in page
    assert accepted.external_id not in page
    sent = {"action": "hold", "query": chosen["query"], "request": [str(undecided.pk)], "confirm": "1", "reason": "x"}
    assert officer.post("/requests/bulk", sent)["Location"] == f"/requests/?{chosen['query']}"
    assert Request.objects.get(pk=undecided.pk).state == State.ON_HOLD


def test_an_action_says_what_it_means_for_this_request(officer, undecided):
    assert "40 rows leave the tables" in officer.get(f"/requests/{undecided.pk}/act/verify-identity").content.decode()
    day = date_format(last_day_before(deadline_of(undecided, extended=True), undecided), "DATE_FORMAT")
    assert day in officer.get(f"/requests/{undecided.pk}/act/extend").content.decode()


def test_what_somebody_proposed_who_may_no_longer_act_is_not_confirmed(officer, second_officer, undecided):
    _act(officer, undecided, "close", reason="taken back by telephone")
    Officer.objects.filter(user=officer.user).update(role=Role.AUDITOR)
    proposal = Proposal.objects.get()
    page = second_officer.post(f"/requests/proposals/{proposal.pk}/confirm", follow=True).content.decode()
    assert "may no longer act" in page
    assert _state(undecided) == State.IDENTITY_PENDING


def test_whoever_is_signed_out_while_sending_goes_on_where_they_were(undecided):
    page = f"http://testserver/requests/{undecided.pk}/"
    for referer, following in ((page, page), ("https://elsewhere.example/", "/"), ("", "/")):
        answer = Client().post("/requests/bulk", {"action": "hold"}, headers={"referer": referer})
        assert answer["Location"] == f"/sign-in/?next={quote(following, safe='/')}"


def test_a_period_that_is_over_is_not_offered_to_be_extended(officer, undecided):
    """A doubt that came after the period had ended suspends nothing."""
    long_ago = timezone.now() - timedelta(days=60)
    due = long_ago + timedelta(days=30)
    Request.objects.filter(pk=undecided.pk).update(received_at=long_ago, due_at=due)
    assert "/act/extend" not in officer.get(f"/requests/{undecided.pk}/").content.decode()
    bulk = officer.post("/requests/bulk", {"action": "extend", "request": [str(undecided.pk)]}).content.decode()
    assert "Not to 1 other" in bulk
    assert "days over" in officer.get("/").content.decode()
