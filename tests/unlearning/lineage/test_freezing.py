"""Freezing while others add and withdraw, with real transactions side by side."""

import threading
import time
from datetime import UTC, datetime

from django.db import connection, transaction

from tests.unlearning.people import ask_slider, make_subject
from unlearning.consent.services import record_consent
from unlearning.lineage.datasets import shared_data
from unlearning.lineage.freezing import freeze, stamp
from unlearning.lineage.importing.loading import load_interactions
from unlearning.lineage.importing.reading import InteractionTable
from unlearning.lineage.models import Interaction
from unlearning.lineage.subjects import ensure_subjects

_SECONDS = 3
_WRITERS = 3


def _in_thread(act):
    def run():
        try:
            act()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_row_that_was_stamped_before_is_there_when_the_data_is_frozen(committed):
    make_subject("ann", 100, items=1)
    stamped, go_on = threading.Event(), threading.Event()
    moments = []

    def slow():
        with transaction.atomic():
            moments.append(stamp())
            stamped.set()
            go_on.wait(10)

    def freezing():
        moments.append(freeze())

    writer = _in_thread(slow)
    stamped.wait(10)
    freezer = _in_thread(freezing)
    time.sleep(0.3)
    assert len(moments) == 1, "freezing did not wait for a transaction whose rows are stamped already"
    go_on.set()
    writer.join()
    freezer.join()
    assert moments[0] < moments[1]


def test_whatever_is_frozen_stays_the_same_while_others_add_and_withdraw(committed):
    make_subject("first", 100)
    for writer in range(_WRITERS):
        subject = ensure_subjects([f"s{writer}"])[f"s{writer}"]
        record_consent(subject=subject, share_percent=100, channel="t", recorded_by="t")
    stop, failures, frozen = threading.Event(), [], []

    def add(writer):
        number = 0
        while not stop.is_set():
            number += 1
            table = InteractionTable(
                [f"s{writer}"] * 3,
                [f"i{writer}-{number}-{n}" for n in range(3)],
                [datetime(2024, 1, 1, tzinfo=UTC)] * 3,
                None,
            )
            load_interactions(table, fleet=None)
            if number % 5 == 0:
                ask_slider(f"s{writer}", 50, f"down-{writer}-{number}")
                ask_slider(f"s{writer}", 100, f"up-{writer}-{number}")

    def freeze_again_and_again():
        while not stop.is_set():
            as_of = freeze()
            data = shared_data(as_of)
            frozen.append((as_of, _pairs(data)))

    threads = [_in_thread(lambda w=writer: add(w)) for writer in range(_WRITERS)]
    threads.append(_in_thread(freeze_again_and_again))
    time.sleep(_SECONDS)
    stop.set()
    for thread in threads:
        thread.join()
    # Whatever is shared in the end, and was by then, was in the data: nothing slipped in behind a freeze.
    for as_of, pairs in frozen:
        rows = Interaction.objects.filter(shared_from__lte=as_of, held_out=False)
        later = set(rows.values_list("subject__learning_key", "item__learning_key"))
        if not later <= pairs:
            failures.append((as_of, len(later - pairs)))
    assert len(frozen) > 5
    assert failures == []


def _pairs(data):
    subjects, items = data.subject_keys[data.edges.subjects], data.item_keys[data.edges.items]
    return set(zip(subjects.tolist(), items.tolist(), strict=True))
