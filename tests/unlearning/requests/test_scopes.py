"""Unsharing a part: items, a span of time, categories; and that it can't come back."""

from datetime import UTC, datetime

import pytest

from tests.unlearning.people import ask_erasure, ask_slider
from unlearning.consent.models import ConsentEvent, Exclusion
from unlearning.consent.services import record_consent
from unlearning.lineage.importing.loading import load_interactions
from unlearning.lineage.importing.reading import InteractionTable
from unlearning.lineage.models import Interaction
from unlearning.lineage.subjects import ensure_subjects
from unlearning.requests import deciding
from unlearning.requests.deciding import Decision, Part
from unlearning.requests.errors import BadField, IdTaken, UnknownSubjects
from unlearning.requests.submissions import Submission
from unlearning.requests.taking_in import take_in

pytestmark = pytest.mark.django_db

ROWS = [("apple", "fruit", 1), ("pear", "fruit", 2), ("book", "media", 3), ("film", "media", 4), ("thing", "", 5)]


def _load():
    table = InteractionTable(
        ["ann"] * len(ROWS),
        [item for item, _, _ in ROWS],
        [datetime(2024, month, 1, tzinfo=UTC) for _, _, month in ROWS],
        None,
        [category for _, category, _ in ROWS],
    )
    return load_interactions(table, fleet=None)


@pytest.fixture
def ann():
    subject = ensure_subjects(["ann"])["ann"]
    record_consent(subject=subject, share_percent=100, channel="test", recorded_by="test")
    assert _load().stored == 5
    return subject


def _items():
    return set(Interaction.objects.values_list("item__external_id", flat=True))


def _take_back(part, external_id="p-1"):
    return deciding.take_back("ann", part, Submission("crm", external_id))


def test_items_that_are_taken_back_leave_and_do_not_come_back(ann):
    request, new = _take_back(Part(items=["apple", "film", "unheard of"]))
    assert (request.scope, request.rows_removed, new) == ("items", 2, True)
    assert _items() == {"pear", "book", "thing"}
    assert (_load().stored, _load().not_covered) == (0, 2)
    assert _take_back(Part(items=["film", "apple", "unheard of"]))[1] is False
    with pytest.raises(IdTaken):
        _take_back(Part(items=["apple"]))
    with pytest.raises(IdTaken):
        _take_back(Part(since=datetime(2024, 1, 1, tzinfo=UTC), until=datetime(2024, 2, 1, tzinfo=UTC)))


def test_a_span_of_time_is_taken_back_without_its_end(ann):
    request, _ = _take_back(Part(since=datetime(2024, 2, 1, tzinfo=UTC), until=datetime(2024, 4, 1, tzinfo=UTC)))
    assert (request.scope, request.rows_removed) == ("dates", 2)
    assert _items() == {"apple", "film", "thing"}
    assert _load().stored == 0


def test_what_was_not_seen_yet_is_taken_back_as_well(ann):
    assert _take_back(Part(items=["unheard of"])) == (None, True)
    table = InteractionTable(["ann"], ["unheard of"], [datetime(2024, 1, 1, tzinfo=UTC)], None)
    assert load_interactions(table, fleet=None).not_covered == 1


def test_the_same_id_with_other_categories_is_another_submission(ann):
    ask_slider("ann", 100, categories=["fruit"])
    with pytest.raises(IdTaken):
        ask_slider("ann", 100, categories=[])
    assert ask_slider("ann", 100, categories=["fruit"]) is not None


def test_a_category_is_taken_back_and_items_without_one_stay(ann):
    left = deciding.categories_without(None, ["media"])
    request = ask_slider("ann", 100, categories=left)
    assert (request.scope, request.rows_removed) == ("categories", 2)
    assert _items() == {"apple", "pear", "thing"}
    assert _load().not_covered == 2
    # Raised again, it is shared from now on.
    assert ask_slider("ann", 100, "s-2") is None
    assert _load().stored == 2


def test_a_decision_for_another_purpose_says_nothing_about_this_one(ann):
    decision = Decision(0, "app", purposes=("research",))
    assert deciding.decide("ann", decision, Submission("crm", "s-1")) == (None, True)
    assert len(_items()) == 5


def test_consent_to_another_purpose_alone_shares_nothing():
    bob = ensure_subjects(["bob"])["bob"]
    record_consent(subject=bob, share_percent=100, channel="t", recorded_by="t", purposes=["research"])
    table = InteractionTable(["bob"], ["apple"], [datetime(2024, 1, 1, tzinfo=UTC)], None)
    assert load_interactions(table, fleet=None).not_covered == 1


def test_a_late_event_changes_the_history_and_not_what_is_in_force(ann):
    assert ask_slider("ann", 0, effective_at=datetime(2020, 1, 1, tzinfo=UTC)) is None
    assert len(_items()) == 5
    assert ann.consent_events.count() == 2


def test_a_correction_counts_in_place_of_what_it_corrects(ann):
    ask_slider("ann", 100, "s-1")
    wrong = ConsentEvent.objects.get(external_id="s-1")
    request = ask_slider("ann", 0, "s-2", corrects=wrong.pk, effective_at=wrong.effective_at)
    assert request.rows_removed == 5
    with pytest.raises(BadField, match="corrects"):
        ask_slider("ann", 0, "s-3", corrects=wrong.pk)


def test_who_is_being_erased_can_not_share_again(ann):
    ask_erasure("ann")
    with pytest.raises(UnknownSubjects):
        ask_slider("ann", 100)
    assert _load().suppressed == 5


def test_shredding_forgets_what_was_taken_back(ann):
    from unlearning.lineage.subjects import shred

    _take_back(Part(items=["apple"]))
    shred(ann)
    assert not Exclusion.objects.exists()


def test_an_item_that_goes_to_another_category_leaves_those_whose_consent_does_not_cover_it(ann):
    bea = ensure_subjects(["bea"])["bea"]
    record_consent(subject=bea, share_percent=100, channel="test", recorded_by="test")
    ask_slider("ann", 100, categories=["fruit"])
    when = [datetime(2024, 6, 1, tzinfo=UTC)]
    take_in(InteractionTable(["bea"], ["apple"], when, None, ["fruit"]), "crm", fleet=None)
    summary, (request,) = take_in(InteractionTable(["bea"], ["apple"], when, None, ["media"]), "crm", fleet=None)
    assert (summary.known, summary.concerned) == (1, {ann.pk})
    assert (request.kind, request.scope, request.source, request.rows_removed) == ("unshare", "categories", "crm", 1)
    left = set(Interaction.objects.values_list("subject", "item__external_id"))
    assert left == {(ann.pk, "pear"), (bea.pk, "apple")}
    assert take_in(InteractionTable(["bea"], ["apple"], when, None, ["media"]), "crm", fleet=None)[1] == []
