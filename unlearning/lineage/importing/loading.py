"""Storing interactions: what consent covers, and nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from django.db import connection, transaction

from models_engine.federation.fleet import DeviceData, SimulatedFleet
from unlearning.consent import slider
from unlearning.consent.coverage import Coverage, coverages
from unlearning.consent.models import ConsentState
from unlearning.consent.services import record_consent
from unlearning.lineage.devices import lock_devices
from unlearning.lineage.freezing import stamp
from unlearning.lineage.importing.reading import InteractionTable
from unlearning.lineage.models import Subject
from unlearning.lineage.subjects import ensure_items, ensure_subjects, subject_key, suppressed_among

_ROWS_BETWEEN_REPORTS = 2000
NOTHING = Coverage()
"""What a subject's consent covers that never gave one."""


@dataclass(frozen=True)
class ImportSummary:
    """What came of a file."""

    rows: int
    subjects: int
    stored: int
    """New rows in the server's table."""
    known: int
    """Covered rows that were there already."""
    not_covered: int
    """Rows that consent does not cover: not stored."""
    suppressed: int
    """Rows of identities that were erased: not stored."""


@transaction.atomic
def load_interactions(
    table: InteractionTable,
    *,
    fleet: SimulatedFleet | None,
    progress: Callable[[int], None] = lambda rows: None,
) -> ImportSummary:
    """Store the rows that consent covers, in one transaction, with COPY.

    A ratio column is a subject's first consent; where a decision is on record, the record stands.
    Subjects without consent share nothing. Storing the same rows again changes nothing.

    Args:
        fleet: simulated devices that get every row, shared or not; None for real devices elsewhere.
        progress: called with the number of rows handled so far.
    """
    subjects = ensure_subjects(table.subjects)
    items = ensure_items(table.items, table.item_categories())
    _first_consents(table, subjects)
    subjects = _locked(subjects)
    covered_by = coverages(subject.pk for subject in subjects.values())
    keys = {identity: subject_key(subject) for identity, subject in subjects.items()}

    devices: dict[tuple[int, int], bool] = {}
    not_covered = suppressed = covered = 0
    now = stamp()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE incoming (subject_id uuid, item_id bigint, occurred_at timestamptz, "
            "rank double precision, held_out boolean) ON COMMIT DROP"
        )
        with cursor.copy("COPY incoming FROM STDIN") as copy:
            for row, (identity, external_id, occurred_at) in enumerate(
                zip(table.subjects, table.items, table.times, strict=True), start=1
            ):
                if row % _ROWS_BETWEEN_REPORTS == 0:
                    progress(row)
                if identity not in subjects:
                    suppressed += 1
                    continue
                subject, item, key = subjects[identity], items[external_id], keys[identity]
                held_out = slider.held_out(key, external_id)
                if fleet is not None:
                    devices[subject.learning_key, item.learning_key] = held_out
                rank = slider.rank(key, external_id)
                coverage = covered_by.get(subject.pk, NOTHING)
                if coverage.covers(rank, item.category, item.pk, occurred_at):
                    covered += 1
                    copy.write_row((subject.pk, item.pk, occurred_at, rank, held_out))
                else:
                    not_covered += 1
        stored = _insert(cursor, now)
    if fleet is not None:
        lock_devices()
        fleet.add(_device_data(devices))
    progress(len(table))
    return ImportSummary(len(table), len(subjects), stored, covered - stored, not_covered, suppressed)


def _locked(subjects: dict[str, Subject]) -> dict[str, Subject]:
    """The subjects, locked: against a slider that moves and an erasure, behind which nothing must slip in.

    Those who are being erased since they were found are left out.
    """
    present = Subject.objects.filter(pk__in=[s.pk for s in subjects.values()], erased_at=None).order_by("pk")
    locked = {subject.pk: subject for subject in present.select_for_update(no_key=True)}
    leaving = suppressed_among(bytes(subject.identity_digest) for subject in locked.values())
    staying = {pk for pk, subject in locked.items() if bytes(subject.identity_digest) not in leaving}
    return {identity: locked[subject.pk] for identity, subject in subjects.items() if subject.pk in staying}


def _first_consents(table: InteractionTable, subjects: dict[str, Subject]) -> None:
    if table.ratios is None:
        return
    decided = set(ConsentState.objects.filter(subject__in=subjects.values()).values_list("subject_id", flat=True))
    last = dict(zip(table.subjects, table.ratios, strict=True))
    for identity, subject in subjects.items():
        if subject.pk not in decided:
            record_consent(
                subject=subject, share_percent=last[identity], channel="import", recorded_by="import_interactions"
            )


def _insert(cursor, shared_from) -> int:
    """Move the copied rows into the live table; rows that are there already are passed over."""
    cursor.execute(
        "INSERT INTO unlearning_interaction (subject_id, item_id, occurred_at, rank, held_out, shared_from) "
        "SELECT subject_id, item_id, occurred_at, rank, held_out, %s FROM incoming "
        # In the order of the largest index, whose pages then are each written once.
        "ORDER BY subject_id, item_id, occurred_at "
        "ON CONFLICT (subject_id, item_id, occurred_at) DO NOTHING",
        [shared_from],
    )
    stored = cursor.rowcount
    cursor.execute("DROP TABLE incoming")
    return stored


def _device_data(pairs: dict[tuple[int, int], bool]) -> DeviceData:
    keys = torch.tensor(list(pairs), dtype=torch.int64).reshape(-1, 2)
    return DeviceData(
        keys[:, 0].contiguous(), keys[:, 1].contiguous(), torch.tensor(list(pairs.values()), dtype=torch.bool)
    )
