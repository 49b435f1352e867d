"""What a table of so many rows costs: import against a bare COPY, lineage, freezing, one slider."""

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from django.db import connection

from benchmarks.record import data
from benchmarks.report import Figure
from unlearning.consent.models import ConsentEvent, ConsentState
from unlearning.consent.services import DEFAULT_NOTICE, PURPOSE
from unlearning.lineage import tracing
from unlearning.lineage.datasets import salted_root, shared_data
from unlearning.lineage.freezing import freeze
from unlearning.lineage.importing.loading import load_interactions
from unlearning.lineage.subjects import ensure_subjects, find_subjects
from unlearning.requests import deciding
from unlearning.requests.deciding import Decision
from unlearning.requests.submissions import Submission

_ITEMS = 20_000
_TRACED, _MOVED = 500, 100
_SALT = bytes(32)


@dataclass
class Step:
    """At one size."""

    rows: int
    imported: float
    """Rows in a second."""
    copied: float
    """Rows in a second, by a bare COPY into an equal table."""
    lineage_p99: float
    """Seconds."""
    freezing: float
    slider_p99: float


def prepare(subjects: int) -> None:
    """Customers who share everything, and an equal table beside the live one."""
    made = ensure_subjects([data.identity(number) for number in range(subjects)])
    events = ConsentEvent.objects.bulk_create(
        [
            ConsentEvent(
                subject=subject, share_percent=100, purposes=[PURPOSE], notice_version=DEFAULT_NOTICE,
                channel="benchmark", recorded_by="benchmark", effective_at=subject.created_at,
            )
            for subject in made.values()
        ],
        batch_size=5000,
    )  # fmt: skip
    ConsentState.objects.bulk_create(
        [ConsentState(subject=event.subject, event=event, share_percent=100) for event in events], batch_size=5000
    )
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE equal_table (LIKE unlearning_interaction INCLUDING ALL)")
        cursor.execute("ALTER TABLE equal_table ADD FOREIGN KEY (subject_id) REFERENCES unlearning_subject")
        cursor.execute("ALTER TABLE equal_table ADD FOREIGN KEY (item_id) REFERENCES unlearning_item")


def steps(rows: int, each: int, subjects: int, progress: Callable[[float], None]) -> Iterator[Step]:
    """Measure after every slice, until there are so many rows."""
    make_version()
    for number, table in enumerate(data.slices(rows, each, subjects, _ITEMS)):
        began = time.perf_counter()
        summary = load_interactions(table, fleet=None)
        imported = time.perf_counter() - began
        assert summary.stored + summary.not_covered == each  # those who lowered their slider share less
        copied = _copy_equal()
        yield Step(
            rows=(number + 1) * each,
            imported=summary.stored / imported,
            copied=summary.stored / copied,
            lineage_p99=_p99(_trace, subjects, _TRACED, number),
            freezing=_seconds(_freeze),
            slider_p99=_p99(_move, subjects, _MOVED, number),
        )
        progress((number + 1) * each / rows)


def make_version() -> None:
    """Some versions to trace to, as a year of monthly trainings leaves them."""
    from models_engine.registry.models import ModelVersion, Recommender
    from unlearning.lineage.models import Dataset

    recommender = Recommender.objects.create(name="benchmark")
    for number in range(1, 13):
        version = ModelVersion.objects.create(
            recommender=recommender, number=number, method="train", seed=number, code_digest="0" * 64, digest="0" * 64,
            artifact="none", calibration={},
        )  # fmt: skip
        Dataset.objects.create(version=version, as_of=freeze(), salt=_SALT, root="0" * 64, subjects=1, pairs=1)


def figures(found: list[Step]) -> Iterator[Figure]:
    """The last step's figures beside their targets, and how cost grew."""
    last, first = found[-1], found[0]
    ratio = statistics.mean(step.imported / step.copied for step in found)
    worst = max(step.lineage_p99 for step in found)
    yield Figure(
        f"import into {last.rows:,} rows, of the rate of a bare COPY into an equal table",
        f"{ratio:.2f} ({last.imported:,.0f} rows in a second at the end; COPY {last.copied:,.0f})",
        "≥ 0.50",
        ratio >= 0.5,
    )
    yield Figure(f"forward lineage of a subject, p99 of {_TRACED}", f"{1000 * worst:.1f} ms", "≤ 20 ms", worst <= 0.02)
    yield Figure("freezing: membership and root", f"{last.freezing:.1f} s", "≤ 60 s", last.freezing <= 60)
    slowest = max(step.slider_p99 for step in found)
    yield Figure(f"lowering one slider, p99 of {_MOVED}", f"{1000 * slowest:.1f} ms", "≤ 50 ms", slowest <= 0.05)
    grown = last.rows / first.rows
    per_row = (last.freezing / last.rows) / (first.freezing / first.rows)
    yield Figure(
        f"freezing, cost of a row at {grown:.0f} times the rows", f"{per_row:.2f} times", "≤ 1.2", per_row <= 1.2
    )


def _copy_equal() -> float:
    """Copy the slice that was imported last into the equal table, from memory."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM equal_table")
        (last,) = cursor.fetchone()
        fields = "id, occurred_at, rank, held_out, shared_from, item_id, subject_id"
        with cursor.copy(f"COPY (SELECT {fields} FROM unlearning_interaction WHERE id > {last}) TO STDOUT") as out:
            content = b"".join(bytes(block) for block in out)
        began = time.perf_counter()
        with cursor.copy(f"COPY equal_table ({fields}) FROM STDIN") as into:
            into.write(content)
        return time.perf_counter() - began


def _trace(identity: str) -> None:
    (subject,) = find_subjects([identity])
    tracing.forward(subject)


_moves = 0


def _move(identity: str) -> None:
    global _moves
    _moves += 1
    deciding.decide(identity, Decision(99 - _moves // 100_000, "benchmark"), Submission("benchmark", f"m-{_moves}"))


def _freeze() -> None:
    salted_root(shared_data(freeze()), _SALT)


def _p99(act: Callable[[str], None], subjects: int, times: int, seed: int) -> float:
    generator = np.random.default_rng([data.SEED, seed, times])
    chosen = [data.identity(int(number)) for number in generator.choice(subjects, times, replace=False)]
    seconds = sorted(_seconds(lambda one=one: act(one)) for one in chosen)
    return seconds[int(0.99 * times)]


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
