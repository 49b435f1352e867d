"""Erasures that come together share a transaction, and each gets its own answer."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from audits.evidence.models import LogEntry
from tests.unlearning.people import ask_erasure, make_subject
from unlearning.lineage.models import Interaction, Subject, Suppression
from unlearning.lineage.subjects import find_subjects
from unlearning.requests import acceptance, journal, opening, together
from unlearning.requests.errors import IdTaken, UnknownSubjects
from unlearning.requests.forget_set import open_forget_set
from unlearning.requests.models import Duplicate, Request
from unlearning.requests.opening import Erasure, erase_each
from unlearning.requests.states import State
from unlearning.requests.submissions import Submission

_SECONDS = 20


def _erasure(*identities: str, external_id: str, source: str = "crm", **more: bool) -> Erasure:
    return Erasure(identities, Submission(source, external_id), **more)


@pytest.mark.django_db
def test_each_request_of_a_group_takes_its_own_rows():
    people = {name: make_subject(name, 100, items=count) for name, count in (("ann", 3), ("bob", 5), ("cem", 0))}
    make_subject("dee", 100, items=4)

    outcomes = erase_each([_erasure(name, external_id=name) for name in people])

    requests = [request for request, _ in outcomes]
    assert [new for _, new in outcomes] == [True] * 3
    assert [request.rows_removed for request in requests] == [3, 5, 0]
    for request, subject in zip(requests, people.values(), strict=True):
        stored = Request.objects.get(pk=request.pk)
        assert (stored.state, stored.rows_removed) == (State.ACCEPTED, request.rows_removed)
        assert [member.subject_id for member in stored.subjects.all()] == [subject.pk]
        forgotten = open_forget_set(stored)
        assert forgotten.erased_subjects.tolist() == [subject.learning_key]
        assert set(forgotten.pairs.subjects.tolist()) <= {subject.learning_key}
    assert Interaction.objects.count() == 4  # dee's
    assert Suppression.objects.count() == 3
    entries = LogEntry.objects.filter(kind="request.accepted").order_by("pk")
    assert [entry.payload["request"] for entry in entries] == [str(request.pk) for request in requests]
    assert [line.request for line in journal.lines()] == [str(request.pk) for request in requests]


@pytest.mark.django_db
def test_what_can_not_stand_by_itself_is_found_merged_or_refused_beside_the_others():
    for name in ("ann", "bob", "cem"):
        make_subject(name, 100, items=2)
    before = ask_erasure("cem", external_id="c-1")

    plain, again, merged, unknown, taken, repeated, waiting = erase_each(
        [
            _erasure("ann", external_id="a-1"),
            _erasure("ann", external_id="a-1"),
            _erasure("ann", external_id="t-1", source="till"),
            _erasure("bob", "nobody", external_id="n-1"),
            _erasure("bob", external_id="a-1"),
            _erasure("cem", external_id="c-1"),
            _erasure("bob", external_id="b-1", identity_verified=False),
        ]
    )

    assert plain[1]
    assert plain[0].rows_removed == 2
    assert again == (plain[0], False)
    assert merged == (plain[0], True)
    assert plain[0].duplicates.get().source == "till"
    assert isinstance(unknown, UnknownSubjects)
    assert unknown.places == [1]
    assert isinstance(taken, IdTaken)
    assert repeated == (before, False)
    assert waiting[0].state == State.IDENTITY_PENDING
    assert Interaction.objects.count() == 2  # bob's, of whom nobody is sure


@pytest.mark.django_db
def test_a_group_takes_as_many_statements_as_one():
    names = [f"person-{n}" for n in range(9)]
    for name in names:
        make_subject(name, 100, items=2)
    erase_each([_erasure(names[0], external_id="first")])  # with what is only asked once

    with CaptureQueriesContext(connection) as one:
        erase_each([_erasure(names[1], external_id="one")])
    with CaptureQueriesContext(connection) as seven:
        erase_each([_erasure(name, external_id=name) for name in names[2:]])

    assert len(seven) == len(one)


@pytest.mark.usefixtures("committed")
def test_who_comes_while_a_transaction_is_under_way_goes_into_the_next(monkeypatch):
    names = [f"person-{n}" for n in range(6)]
    for name in names:
        make_subject(name, 100, items=2)

    groups, outcomes = _all_at_once(monkeypatch, [*names, "nobody"])

    assert groups == [1, 6]
    assert [request.rows_removed for request in outcomes[:-1]] == [2] * 6
    assert isinstance(outcomes[-1], UnknownSubjects)
    assert len(list(journal.lines())) == 6


@pytest.mark.usefixtures("committed")
def test_where_a_group_fails_only_those_fail_who_must(monkeypatch):
    names = ["ann", "bob", "cem", "dee"]
    people = [make_subject(name, 100, items=2) for name in names]
    sealed = acceptance.sealed_forget_set

    def breaking(request, rows, erased_subjects):
        if people[2].learning_key in erased_subjects:
            raise RuntimeError("no seal")
        return sealed(request, rows, erased_subjects)

    monkeypatch.setattr(acceptance, "sealed_forget_set", breaking)
    groups, outcomes = _all_at_once(monkeypatch, names)

    assert groups == [1, 3, 1, 1, 1]
    assert isinstance(outcomes[2], RuntimeError)
    assert [outcomes[n].rows_removed for n in (0, 1, 3)] == [2, 2, 2]
    assert Request.objects.count() == 3
    assert Interaction.objects.filter(subject=people[2]).count() == 2


@pytest.mark.usefixtures("committed")
def test_who_is_locked_by_others_waits_alone():
    for name in ("ann", "bob"):
        make_subject(name, 100, items=2)
    with ThreadPoolExecutor(2) as threads:
        with transaction.atomic():
            Subject.objects.select_for_update().get(pk=find_subjects(["ann"])[0].pk)
            locked = threads.submit(_ask, "ann")
            _until(lambda: together._queue.waiting == 0)  # it is under way
            assert threads.submit(_ask, "bob").result(_SECONDS).rows_removed == 2
            assert not locked.done()
        assert locked.result(_SECONDS).rows_removed == 2


@pytest.mark.usefixtures("committed")
def test_what_was_sent_before_is_found_though_its_rows_are_locked():
    make_subject("ann", 100, items=2)
    request = ask_erasure("ann", external_id="ann")
    with ThreadPoolExecutor(1) as thread, transaction.atomic():
        Request.objects.select_for_update().get(pk=request.pk)
        Subject.objects.select_for_update().get()
        assert thread.submit(_ask, "ann").result(_SECONDS) == request


@pytest.mark.django_db
def test_the_journal_gets_a_group_whole_or_not_at_all(monkeypatch):
    for name in ("ann", "bob", "cem"):
        make_subject(name, 100, items=2)
    ask_erasure("ann", external_id="a-1")
    before = (settings.FEDSHARE_JOURNAL / "erasures.jsonl").read_bytes()
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, text: write(descriptor, text[: text.index(b"\n") + 1]))
    group = [_erasure(name, external_id=name) for name in ("bob", "cem")]
    with pytest.raises(OSError, match="journal"), transaction.atomic():
        erase_each(group)
    assert (settings.FEDSHARE_JOURNAL / "erasures.jsonl").read_bytes() == before
    assert Request.objects.count() == 1
    monkeypatch.undo()
    erase_each(group)
    assert len(list(journal.lines())) == 3


@pytest.mark.django_db
def test_the_journal_is_written_when_nothing_is_left_to_fail(monkeypatch):
    for name in ("ann", "bob"):
        make_subject(name, 100, items=2)
    merged = Duplicate.objects.create

    def failing(**fields):
        raise RuntimeError("no merging")

    monkeypatch.setattr(Duplicate.objects, "create", failing)
    group = [_erasure("ann", external_id="a-1"), _erasure("ann", external_id="a-2"), _erasure("bob", external_id="b-1")]
    with pytest.raises(RuntimeError), transaction.atomic():
        erase_each(group)
    assert list(journal.lines()) == []
    monkeypatch.setattr(Duplicate.objects, "create", merged)
    erase_each(group)
    assert len(list(journal.lines())) == 2


def _ask(name):
    try:
        return together.erase([name], Submission("crm", name))[0]
    finally:
        connection.close()


def _all_at_once(monkeypatch, names):
    """Erasures of which the first is under way until all others wait. Returns sizes of groups, and outcomes."""
    groups, all_there = [], threading.Event()

    def watched(wanted):
        groups.append(len(wanted))
        assert all_there.wait(_SECONDS)
        return erase_each(wanted)

    monkeypatch.setattr(opening, "erase_each", watched)
    with ThreadPoolExecutor(len(names)) as threads:
        first = threads.submit(_ask, names[0])
        _until(lambda: groups)
        others = [threads.submit(_ask, name) for name in names[1:]]
        _until(lambda: together._queue.waiting == len(others))
        all_there.set()
        return groups, [one.exception(_SECONDS) or one.result() for one in (first, *others)]


def _until(true):
    deadline = time.monotonic() + _SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)
