"""Storing interactions: what consent covers, and nothing else."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import torch
from django.db import connection, transaction

from models_engine.federation.fleet import DeviceData, SimulatedFleet
from unlearning.consent import slider
from unlearning.consent.coverage import Coverage, coverages
from unlearning.consent.models import ConsentState
from unlearning.consent.services import record_consent
from unlearning.lineage.devices import lock_devices
from unlearning.lineage.freezing import stamp
from unlearning.lineage.importing.ahead import ahead
from unlearning.lineage.importing.reading import InteractionTable
from unlearning.lineage.models import Interaction, Item, Subject
from unlearning.lineage.subjects import ensure_items, ensure_subjects, recategorise, subject_key, suppressed_among

_ROWS_AT_ONCE = 50_000
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
    concerned: frozenset[UUID]
    """Subjects whose consent may no longer cover what was stored of items that went to another category."""


@dataclass(frozen=True, slots=True)
class _Owner:
    """Whose row it is: what is asked of the subject for each."""

    id: UUID
    learning_key: int
    key: bytes
    coverage: Coverage


@dataclass
class _Tally:
    """What became of a file's rows."""

    covered: int = 0
    not_covered: int = 0
    suppressed: int = 0
    devices: dict[tuple[int, int], bool] = field(default_factory=dict)
    """By learning keys of subject and item: whether the pair is held out."""


_Row = tuple[UUID, int, datetime, float, bool]


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
    categories = table.item_categories()
    items = ensure_items(table.items, categories)
    concerned = _limited_holders(recategorise(items, categories))
    subjects = _locked(ensure_subjects(table.subjects), concerned)
    _first_consents(table, subjects)
    owners = _owners(subjects)

    tally = _Tally()
    now = stamp()
    stored = 0
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE incoming (subject_id uuid, item_id bigint, occurred_at timestamptz, "
            "rank double precision, held_out boolean) ON COMMIT DROP"
        )
        for handled, rows in ahead(_covered_rows(table, owners, items, tally, fleet is not None)):
            stored += _insert(cursor, rows, now)
            progress(handled)
        cursor.execute("DROP TABLE incoming")
    if fleet is not None:
        lock_devices()
        fleet.add(_device_data(tally.devices))
    known = tally.covered - stored
    return ImportSummary(len(table), len(owners), stored, known, tally.not_covered, tally.suppressed, concerned)


def _limited_holders(items: Collection[int]) -> frozenset[UUID]:
    """Subjects of whom something is stored of some items, and whose consent is limited to categories."""
    if not items:
        return frozenset()
    rows = Interaction.objects.filter(item__among=items, subject__consent__categories__isnull=False)
    return frozenset(rows.values_list("subject", flat=True).distinct())


def _covered_rows(
    table: InteractionTable, owners: dict[str, _Owner], items: dict[str, Item], tally: _Tally, on_devices: bool
) -> Iterator[tuple[int, list[_Row]]]:
    """The rows that consent covers, some thousands of the file's at a time, and how many of the file were handled."""
    for start in range(0, len(table), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        rows: list[_Row] = []
        for identity, external_id, occurred_at in zip(
            table.subjects[some], table.items[some], table.times[some], strict=True
        ):
            owner = owners.get(identity)
            if owner is None:
                tally.suppressed += 1
                continue
            item = items[external_id]
            held_out = slider.held_out(owner.key, external_id)
            if on_devices:
                tally.devices[owner.learning_key, item.learning_key] = held_out
            rank = slider.rank(owner.key, external_id)
            if owner.coverage.covers(rank, item.category, item.id, occurred_at):
                rows.append((owner.id, item.id, occurred_at, rank, held_out))
            else:
                tally.not_covered += 1
        tally.covered += len(rows)
        yield min(start + _ROWS_AT_ONCE, len(table)), rows


def _locked(subjects: dict[str, Subject], concerned: frozenset[UUID]) -> dict[str, Subject]:
    """The subjects, locked: against a slider that moves and an erasure, behind which nothing must slip in.

    Those who are being erased since they were found are left out. Others whom items that moved concern are locked
    with them, so that nobody locks twice.
    """
    wanted = {subject.pk for subject in subjects.values()} | concerned
    present = Subject.objects.filter(pk__among=list(wanted), erased_at=None).order_by("pk")
    locked = dict(present.select_for_update(no_key=True).values_list("pk", "identity_digest"))
    leaving = suppressed_among(bytes(digest) for digest in locked.values())
    staying = {pk for pk, digest in locked.items() if bytes(digest) not in leaving}
    return {identity: subject for identity, subject in subjects.items() if subject.pk in staying}


def _owners(subjects: dict[str, Subject]) -> dict[str, _Owner]:
    covered_by = coverages(subject.pk for subject in subjects.values())
    return {
        identity: _Owner(subject.id, subject.learning_key, subject_key(subject), covered_by.get(subject.id, NOTHING))
        for identity, subject in subjects.items()
    }


def _first_consents(table: InteractionTable, subjects: dict[str, Subject]) -> None:
    if table.ratios is None:
        return
    states = ConsentState.objects.filter(subject__among=[subject.pk for subject in subjects.values()])
    decided = set(states.values_list("subject_id", flat=True))
    last = dict(zip(table.subjects, table.ratios, strict=True))
    for identity, subject in subjects.items():
        if subject.pk not in decided:
            record_consent(
                subject=subject, share_percent=last[identity], channel="import", recorded_by="import_interactions"
            )


def _insert(cursor, rows: list[_Row], shared_from: datetime) -> int:
    """Store rows; those that are there already are passed over. Returns how many were new."""
    with cursor.copy("COPY incoming FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["uuid", "int8", "timestamptz", "float8", "bool"])
        for row in rows:
            copy.write_row(row)
    cursor.execute(
        "INSERT INTO unlearning_interaction (subject_id, item_id, occurred_at, rank, held_out, shared_from) "
        "SELECT subject_id, item_id, occurred_at, rank, held_out, %s FROM incoming "
        # In the order of the largest index, whose pages then are each written once.
        "ORDER BY subject_id, item_id, occurred_at "
        "ON CONFLICT (subject_id, item_id, occurred_at) DO NOTHING",
        [shared_from],
    )
    stored = cursor.rowcount
    cursor.execute("TRUNCATE incoming")
    return stored


def _device_data(pairs: dict[tuple[int, int], bool]) -> DeviceData:
    keys = torch.tensor(list(pairs), dtype=torch.int64).reshape(-1, 2)
    return DeviceData(
        keys[:, 0].contiguous(), keys[:, 1].contiguous(), torch.tensor(list(pairs.values()), dtype=torch.bool)
    )
