"""Opening requests: what happens at once, and what the database refuses."""

import itertools
from datetime import UTC, datetime

import pytest
from django.db import transaction
from django.db.utils import DatabaseError

from audits.evidence.models import LogEntry
from tests.unlearning.people import ask_erasure, ask_slider, make_subject
from unlearning.lineage.models import Interaction, Suppression
from unlearning.lineage.subjects import shred
from unlearning.requests.errors import IdTaken, UnknownSubjects
from unlearning.requests.forget_set import open_forget_set
from unlearning.requests.models import Request, SealedForgetSet
from unlearning.requests.states import FINAL, TRANSITIONS, State

pytestmark = pytest.mark.django_db


def test_erasure_takes_the_rows_at_once_and_leaves_the_others():
    make_subject("ann", 100)
    bob = make_subject("bob", 100)
    request = ask_erasure("ann")
    assert set(Interaction.objects.values_list("subject", flat=True)) == {bob.pk}
    assert (request.state, request.rows_removed) == (State.ACCEPTED, 40)
    assert request.rows_removed_at is not None


def test_erasure_seals_what_it_takes():
    ann = make_subject("ann", 100)
    request = ask_erasure("ann")
    forget_set = open_forget_set(request)
    assert forget_set.erased_subjects.tolist() == [ann.learning_key]
    assert 25 < len(forget_set.pairs.subjects) <= 40
    sealed = bytes(SealedForgetSet.objects.get().sealed)
    assert int(ann.learning_key).to_bytes(8, "little", signed=True) not in sealed


def test_erasure_suppresses_the_identity():
    make_subject("ann", 100)
    ask_erasure("ann")
    assert Suppression.objects.count() == 1


def test_the_log_speaks_of_commitments_only():
    ann = make_subject("ann", 100)
    request = ask_erasure("ann")
    entry = LogEntry.objects.get(kind="request.accepted")
    assert entry.payload["commitments"] == [request.subjects.get().commitment]
    for secret in ("ann", str(ann.pk), str(ann.learning_key), bytes(ann.identity_digest).hex()):
        assert secret not in str(entry.payload)


def test_lowering_the_slider_takes_exactly_what_it_uncovers():
    make_subject("ann", 80, items=200)
    before = set(Interaction.objects.values_list("pk", flat=True))
    uncovered = set(Interaction.objects.filter(rank__gte=0.2).values_list("pk", flat=True))
    request = ask_slider("ann", 20)
    assert set(Interaction.objects.values_list("pk", flat=True)) == before - uncovered
    assert (request.share_percent_before, request.share_percent_after) == (80, 20)
    assert request.rows_removed == len(uncovered)


def test_raising_the_slider_opens_no_request():
    ann = make_subject("ann", 20)
    assert ask_slider("ann", 80) is None
    ann.consent.refresh_from_db()
    assert ann.consent.share_percent == 80
    assert not Request.objects.exists()


def test_an_unknown_subject_is_named_by_its_place_and_nothing_is_done():
    make_subject("ann", 100)
    with pytest.raises(UnknownSubjects) as unknown:
        ask_erasure("ann", "nobody")
    assert unknown.value.places == [1]
    assert "nobody" not in str(unknown.value)
    assert Interaction.objects.count() == 40
    assert not Request.objects.exists()
    assert not Suppression.objects.exists()


def test_one_sender_can_not_use_an_id_twice():
    make_subject("ann", 100)
    make_subject("bob", 100)
    ask_erasure("ann")
    with pytest.raises(IdTaken):
        ask_erasure("bob")
    assert Interaction.objects.count() == 40


def test_an_erasure_that_has_ended_is_still_found_by_its_id_and_subjects():
    ann = make_subject("ann", 100)
    make_subject("bob", 100)
    first = ask_erasure("ann")
    shred(ann)
    assert ask_erasure("ann") == first
    with pytest.raises(IdTaken):
        ask_erasure("bob")


@pytest.mark.parametrize("gone", [False, True], ids=["leaving", "erased"])
def test_a_decision_of_who_has_left_is_still_found_by_its_id(gone):
    ann = make_subject("ann", 100)
    make_subject("bob", 100)
    opened = ask_slider("ann", 20, external_id="s-1")
    ask_slider("ann", 30, external_id="s-2")
    ask_erasure("ann")
    if gone:
        shred(ann)
    assert ask_slider("ann", 20, external_id="s-1") == opened
    assert ask_slider("ann", 30, external_id="s-2") is None
    for name, percent in (("bob", 20), ("ann", 21)):
        with pytest.raises(IdTaken):
            ask_slider(name, percent, external_id="s-1")
    with pytest.raises(UnknownSubjects):
        ask_slider("ann", 20, external_id="s-3")


def at_state(state: State) -> Request:
    """A request brought to a state by the shortest lawful way."""
    ways = {State.RECEIVED: [State.RECEIVED]}
    waiting = [State.RECEIVED]
    while waiting:
        here = waiting.pop(0)
        for following in TRANSITIONS[here]:
            if following not in ways:
                ways[following] = [*ways[here], following]
                waiting.append(following)
    now = datetime.now(UTC)
    request = Request.objects.create(
        kind="erase", external_id=f"to-{state}", source="test", received_at=now, due_at=now
    )
    for step in ways[state][1:]:
        _set(request, step)
    return request


def _set(request: Request, state: State) -> None:
    request.state = state
    request.held_from = State.RECEIVED if state is State.ON_HOLD else None
    if state is State.COMPLETED:
        request.conclusion, request.completed_at = "exact", datetime.now(UTC)
    if state in (State.REFUSED, State.CANCELLED):
        request.closed_at = datetime.now(UTC)
        request.denial = "identity" if state is State.REFUSED else ""
    request.save()


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(State, 2)))
def test_the_database_allows_exactly_the_listed_transitions(source, target):
    request = at_state(source)
    if target in TRANSITIONS[source]:
        _set(request, target)
        assert Request.objects.get(pk=request.pk).state == target
    else:
        with pytest.raises(DatabaseError), transaction.atomic():
            _set(request, target)
        assert Request.objects.get(pk=request.pk).state == source


def test_a_completed_request_needs_a_conclusion():
    request = at_state(State.VERIFYING)
    request.state = State.COMPLETED
    with pytest.raises(DatabaseError), transaction.atomic():
        request.save()


def test_nothing_follows_a_final_state():
    assert set(FINAL) == {State.COMPLETED, State.REFUSED, State.CANCELLED}
