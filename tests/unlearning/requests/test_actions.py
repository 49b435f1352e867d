"""Every action in every state, and what each does."""

import itertools
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from audits.evidence.models import LogEntry
from audits.reports.verify import consistency
from tests.unlearning.people import ask_erasure, make_subject
from tests.unlearning.requests.test_requests import at_state
from unlearning.lineage.models import Interaction
from unlearning.requests import actions, deadlines
from unlearning.requests.actions import ALLOWED_IN, By
from unlearning.requests.calendars import Calendar, known_place
from unlearning.requests.errors import BadField, IdTaken, NotAllowed
from unlearning.requests.models import Request, RequestEvent, RequestSubject
from unlearning.requests.states import State
from unlearning.webhooks import catalogue, endpoints
from unlearning.webhooks.models import Delivery

pytestmark = pytest.mark.django_db

OFFICER = By("officer", "as agreed")
UTC = Calendar("UTC", "")
Action = RequestEvent.Action
ACTS = {
    Action.ASK_IDENTITY: actions.ask_identity,
    Action.VERIFY_IDENTITY: actions.verify_identity,
    Action.HOLD: actions.hold,
    Action.RELEASE: actions.release,
    Action.EXTEND: lambda request, by: actions.extend(request, by, "complexity"),
    Action.REFUSE: lambda request, by: actions.refuse(request, by, "legal_claims"),
    Action.CANCEL: actions.cancel,
}
LEADS_TO = {
    Action.ASK_IDENTITY: State.IDENTITY_PENDING,
    Action.VERIFY_IDENTITY: State.ACCEPTED,
    Action.HOLD: State.ON_HOLD,
    Action.RELEASE: State.RECEIVED,
    Action.EXTEND: None,
    Action.REFUSE: State.REFUSED,
    Action.CANCEL: State.CANCELLED,
}


def _pending(**more) -> Request:
    make_subject("ann", 100)
    return ask_erasure("ann", identity_verified=False, **more)


@pytest.mark.parametrize(("action", "state"), list(itertools.product(ACTS, State)))
def test_each_action_is_allowed_exactly_where_the_table_says(action, state):
    request = at_state(state)
    if state in ALLOWED_IN[action]:
        after = ACTS[action](request, OFFICER)
        assert after.state == (LEADS_TO[action] or state)
        assert RequestEvent.objects.get(request=request).action == action
        assert LogEntry.objects.filter(kind=f"request.{action}", payload__request=str(request.pk)).count() == 1
    else:
        with pytest.raises(NotAllowed, match="this can be done while it is"):
            ACTS[action](request, OFFICER)
        assert Request.objects.get(pk=request.pk).state == state
        assert not RequestEvent.objects.exists()


def test_the_table_lists_every_action():
    assert set(ALLOWED_IN) == set(ACTS) == set(Action) - {Action.MERGE, Action.TAKE_IN}


def test_nothing_leaves_before_the_requester_is_known():
    request = _pending()
    assert (request.state, request.rows_removed_at) == (State.IDENTITY_PENDING, None)
    assert Interaction.objects.count() == 40
    actions.verify_identity(request, OFFICER)
    assert not Interaction.objects.exists()
    assert Request.objects.get().state == State.ACCEPTED


@pytest.mark.parametrize(("regime", "days"), [("gdpr", 10), ("ccpa", 0)])
def test_a_doubt_about_identity_stops_the_clock_where_the_law_does(regime, days):
    request = _pending()
    ten_days_ago = timezone.now() - timedelta(days=10, hours=1)
    Request.objects.update(regime=regime, received_at=ten_days_ago, identity_asked_at=ten_days_ago)
    request = actions.verify_identity(request, OFFICER)
    assert request.paused.days == days
    assert request.due_at == deadlines.deadline(regime, ten_days_ago, UTC, paused=timedelta(days=days))
    assert request.identity_asked_at is None


def test_a_hold_does_not_stop_the_clock():
    request = _pending()
    held = actions.hold(request, OFFICER)
    assert held.due_at == request.due_at
    assert actions.release(held, OFFICER).state == State.IDENTITY_PENDING


def test_an_accepted_request_can_be_held_but_not_refused_or_cancelled():
    make_subject("ann", 100)
    held = actions.hold(ask_erasure("ann"), OFFICER)
    for act in (ACTS[Action.REFUSE], actions.cancel):
        with pytest.raises(NotAllowed, match="the rows are gone"):
            act(held, OFFICER)
    assert actions.release(held, OFFICER).state == State.ACCEPTED


def test_the_database_too_refuses_to_cancel_what_is_gone():
    make_subject("ann", 100)
    request = actions.hold(ask_erasure("ann"), OFFICER)
    with pytest.raises(IntegrityError), transaction.atomic():
        Request.objects.filter(pk=request.pk).update(state=State.CANCELLED, held_from=None, closed_at=timezone.now())


def test_a_period_is_extended_once_with_a_reason_within_the_first():
    make_subject("ann", 100)
    request = ask_erasure("ann")
    with pytest.raises(BadField, match="complexity"):
        actions.extend(request, OFFICER, "holidays")
    extended = actions.extend(request, OFFICER, "number_of_requests")
    assert extended.due_at == deadlines.deadline("gdpr", request.received_at, UTC, extended=True)
    with pytest.raises(NotAllowed, match="once"):
        actions.extend(request, OFFICER, "complexity")


def test_a_period_that_is_over_is_not_extended():
    make_subject("ann", 100)
    request = ask_erasure("ann")
    Request.objects.update(received_at=timezone.now() - timedelta(days=40))
    with pytest.raises(NotAllowed, match="the first period is over"):
        actions.extend(request, OFFICER, "complexity")


def test_a_refusal_needs_a_ground_of_its_own_regime():
    request = _pending()
    with pytest.raises(BadField, match="ground: give one of"):
        actions.refuse(request, OFFICER, "ca_security")
    refused = actions.refuse(request, OFFICER, "identity")
    assert (refused.denial, refused.state) == ("identity", State.REFUSED)
    assert Interaction.objects.count() == 40


def test_the_history_can_not_be_rewritten():
    actions.hold(_pending(), OFFICER)
    for statement in (RequestEvent.objects.all().delete, lambda: RequestEvent.objects.update(by="nobody")):
        with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
            statement()


def test_a_duplicate_is_merged_and_found_under_both_ids():
    make_subject("ann", 100)
    first = ask_erasure("ann")
    second = ask_erasure("ann", external_id="again", source="shop")
    assert second == first
    assert Request.objects.count() == RequestSubject.objects.count() == 1
    assert ask_erasure("ann", external_id="again", source="shop") == first
    assert first.duplicates.get().source == "shop"


def test_a_verified_duplicate_accepts_a_request_that_waits_for_the_identity():
    request = _pending()
    assert ask_erasure("ann", external_id="e-2").state == State.ACCEPTED
    assert Request.objects.get().pk == request.pk


def test_a_verified_requester_does_not_vouch_for_others():
    for name in ("ann", "bob"):
        make_subject(name, 100)
    waiting = ask_erasure("ann", "bob", identity_verified=False)
    own = ask_erasure("ann", external_id="e-2", source="shop")
    assert own != waiting
    assert (own.rows_removed, Interaction.objects.count()) == (40, 40)
    assert Request.objects.get(pk=waiting.pk).state == State.IDENTITY_PENDING


def test_a_verified_requester_does_not_wait_for_one_that_is_held():
    actions.hold(_pending(), OFFICER)
    assert ask_erasure("ann", external_id="e-2").state == State.ACCEPTED
    assert not Interaction.objects.exists()


def test_an_erasure_of_more_subjects_is_a_request_of_its_own():
    for name in ("ann", "bob"):
        make_subject(name, 100)
    first = ask_erasure("ann")
    both = ask_erasure("ann", "bob", external_id="e-2")
    assert both != first
    assert both.rows_removed == 40


def test_what_moved_a_deadline_is_put_into_documents(settings):
    settings.FEDSHARE_HOLIDAYS, settings.FEDSHARE_TIME_ZONE = "DE", "Europe/Berlin"
    make_subject("ann", 100)
    request = ask_erasure("ann")
    received = timezone.now().replace(year=2026, month=11, day=25, hour=12)
    request.received_at, request.due_at = received, deadlines.deadline("gdpr", received, deadlines.calendar_of(request))
    told = deadlines.as_json(request)
    # The 25th and 26th are holidays, the 27th a Sunday: it ends with the 28th.
    assert told == {"zone": "Europe/Berlin", "holidays": ["2026-12-25"], "paused_seconds": 0, "extended": None}
    assert request.due_at.isoformat() == "2026-12-28T23:00:00+00:00"


def test_no_holiday_moves_a_period_of_calendar_days(settings):
    settings.FEDSHARE_HOLIDAYS = "US"
    make_subject("ann", 100)
    request = ask_erasure("ann", regime="ccpa")
    request.received_at = timezone.now().replace(year=2026, month=11, day=10, hour=12)
    request.due_at = deadlines.deadline_of(request, extended=False)
    assert request.due_at.date().isoformat() == "2026-12-26"  # the first moment after Christmas Day
    assert deadlines.as_json(request)["holidays"] == []


def test_a_period_that_stands_still_can_be_extended_beyond_its_first_end():
    make_subject("ann", 100)
    request = ask_erasure("ann", identity_verified=False)
    long_ago = timezone.now() - timedelta(days=60)
    Request.objects.filter(pk=request.pk).update(
        received_at=long_ago,
        identity_asked_at=long_ago + timedelta(days=1),
        due_at=deadlines.deadline("gdpr", long_ago, UTC),
    )
    extended = actions.extend(request, OFFICER, "complexity")
    assert extended.paused >= timedelta(days=58)
    assert extended.due_at == deadlines.deadline_of(extended, extended=True)
    told = deadlines.as_json(extended)
    assert told["paused_seconds"] == int(extended.paused.total_seconds())


@pytest.mark.parametrize("place", ["RU", "CN", "MM"])
def test_long_runs_of_holidays_are_stated_and_can_be_checked(settings, place):
    settings.FEDSHARE_HOLIDAYS = place
    make_subject("ann", 100)
    request = ask_erasure("ann")
    most = 0
    for days in range(365):
        received = timezone.now().replace(year=2026, month=1, day=1, hour=12) + timedelta(days=days)
        request.received_at, request.extended_at, request.extension_reason = received, received, "complexity"
        most = max(most, len(deadlines.as_json(request)["holidays"]))
    assert 2 < most <= consistency._MOST_HOLIDAYS


@pytest.mark.parametrize(
    ("given", "known"), [("fr", "FR"), ("de-augsburg", "DE-Augsburg"), ("DE-by", "DE-BY"), ("XX", None), ("DE-", "DE")]
)
def test_places_are_known_however_they_are_written(given, known):
    assert known_place(given) == known


def test_a_verified_duplicate_ends_the_doubt_and_lets_the_clock_go_on():
    request = _pending()
    ask_erasure("ann", external_id="e-2", source="shop")
    request.refresh_from_db()
    assert request.identity_asked_at is None
    assert not deadlines.stands_still(request)
    assert request.events.get(action=Action.VERIFY_IDENTITY).by == "shop"


def test_a_period_that_nothing_suspends_ends_first_again_when_another_goes_on(monkeypatch):
    """GDPR's stands still while the identity is in doubt; California's, of whom it was merged with, does not."""
    began = timezone.now()
    request = _pending()
    ask_erasure("ann", external_id="e-2", source="shop", regime="ccpa", identity_verified=False)
    californian = deadlines.deadline("ccpa", request.duplicates.get().received_at, UTC)
    later = began + timedelta(days=25)
    monkeypatch.setattr(timezone, "now", lambda: later)
    request = actions.verify_identity(request, OFFICER)
    assert (request.regime, request.due_at) == ("ccpa", californian)


def test_a_sender_takes_back_what_was_merged_until_it_is_accepted():
    request = _pending()
    ask_erasure("ann", external_id="e-2", source="shop", identity_verified=False)
    assert actions.cancel_submission(request, "shop", By("shop")).state == State.IDENTITY_PENDING
    assert LogEntry.objects.filter(kind="request.unmerged", payload__request=str(request.pk)).count() == 1
    assert not request.duplicates.exists()
    ask_erasure("ann", external_id="e-3", source="shop")
    with pytest.raises(NotAllowed):
        actions.cancel_submission(request, "shop", By("shop"))
    assert request.duplicates.count() == 1


def test_what_its_opener_takes_back_goes_on_as_that_of_who_else_asks(monkeypatch):
    request = _pending()
    began = request.received_at
    later = began + timedelta(days=5)
    monkeypatch.setattr(timezone, "now", lambda: later)
    ask_erasure("ann", external_id="e-2", source="shop", regime="ccpa", identity_verified=False)
    ask_erasure("ann", external_id="e-3", source="till", identity_verified=False)
    ask_erasure("ann", external_id="e-4", identity_verified=False)

    actions.cancel_submission(request, "crm", By("crm"))

    request.refresh_from_db()
    assert (request.state, request.source, request.external_id) == (State.IDENTITY_PENDING, "shop", "e-2")
    assert [one.source for one in request.duplicates.all()] == ["till"]
    assert request.received_at == request.identity_asked_at == later
    first = min((deadlines.deadline(regime, later, UTC), regime) for regime in ("ccpa", "gdpr"))
    assert (request.due_at, request.regime) == first
    assert LogEntry.objects.filter(kind="request.unmerged", payload__request=str(request.pk)).count() == 2
    make_subject("bob", 100)
    for number, name in (("e-1", "ann"), ("e-4", "ann"), ("e-1", "bob")):  # a late retry erases nobody
        with pytest.raises(IdTaken):
            ask_erasure(name, external_id=number)
    assert ask_erasure("ann", external_id="e-5", identity_verified=False) == request  # asked anew, and merged
    actions.cancel_submission(request, "shop", By("shop"))
    actions.cancel_submission(request, "till", By("till"))
    assert actions.cancel_submission(request, "crm", By("crm")).state == State.CANCELLED


@pytest.mark.parametrize("regime", ["gdpr", "ccpa"])
def test_an_extension_holds_for_whose_the_request_is_then_by_their_own_regime(regime):
    request = _pending()
    actions.extend(request, OFFICER, "complexity")
    ask_erasure("ann", external_id="e-2", source="shop", regime=regime, identity_verified=False)
    theirs = request.duplicates.get().received_at
    endpoints.register(owner="shop", name="Shop", url="https://shop.example/", events=[catalogue.EXTENDED])
    request = actions.cancel_submission(request, "crm", By("crm"))
    assert request.regime == regime
    assert request.due_at == deadlines.deadline(regime, theirs, UTC, extended=True)
    assert Delivery.objects.get().payload["request"] == str(request.pk)


def test_nobody_takes_back_what_another_sender_asked():
    request = _pending()
    with pytest.raises(NotAllowed, match="another sender"):
        actions.cancel_submission(request, "shop", By("shop"))
    assert Request.objects.get().state == State.IDENTITY_PENDING


def test_who_asked_later_waited_less(monkeypatch):
    """Both under the GDPR: the doubt suspended the second period for as long as it was open beside it."""
    began = timezone.now()
    request = _pending()
    later = began + timedelta(days=19)
    monkeypatch.setattr(timezone, "now", lambda: later)
    ask_erasure("ann", external_id="e-2", source="shop", identity_verified=False)
    verified = began + timedelta(days=31)
    monkeypatch.setattr(timezone, "now", lambda: verified)
    alone = deadlines.deadline("gdpr", request.received_at, UTC, paused=timedelta(days=31))
    request = actions.verify_identity(request, OFFICER)
    assert request.due_at <= alone
    # What is stored says how it came about: an auditor counts again.
    assert request.due_at == deadlines.deadline("gdpr", request.received_at, UTC, paused=request.paused)


def test_a_verified_duplicate_has_its_own_period_without_the_doubt(monkeypatch):
    began = timezone.now()
    request = _pending()
    later = began + timedelta(days=58)
    monkeypatch.setattr(timezone, "now", lambda: later)
    request = ask_erasure("ann", external_id="e-2", source="shop")
    assert request.due_at <= deadlines.deadline("gdpr", later, UTC)
