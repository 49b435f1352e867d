"""How fast the log takes entries, proves them, and is checked."""

import json
import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.report import Figure
from benchmarks.service import join_service

_WRITERS = 4
_PROOFS = 200
_AT_ONCE = 20_000
_APPEND, _INSERT = "appended", "inserted"


def figures(entries: int, each: int) -> Iterator[Figure]:
    """Measure.

    Args:
        entries: of the log that is proven from and checked.
        each: entries that every writer appends.
    """
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE plain (id bigserial PRIMARY KEY, kind text, payload jsonb)")
    plain = _rate(_INSERT, each)
    appended = _rate(_APPEND, each)
    yield Figure(
        f"entries appended and given their places, {_WRITERS} writers, one transaction each, in a second",
        f"{appended:,.0f} ({appended / plain:.2f} of plain inserts: {plain:,.0f})",
        "≥ 2,000",
        appended >= 2000,
    )
    filled = _filled(entries)
    yield Figure("places given in a second, in bulk", f"{filled:,.0f}")
    proof, anew = _proof_seconds(entries), _root_anew_seconds()
    yield Figure(
        f"a proof among {entries:,} entries, median of {_PROOFS}",
        f"{1000 * proof:.1f} ms (1/{anew / proof:,.0f} of hashing the tree anew)",
        "≤ 5 ms",
        proof <= 0.005,
    )
    checked = _check_seconds(entries)
    yield Figure(f"full check of {entries:,} entries", f"{checked:.1f} s", "≤ 60 s", checked <= 60)


def _rate(kind: str, each: int) -> float:
    """Entries in a second, over all writers; for appended ones the time runs until all have their places."""
    from audits.evidence import log

    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(_WRITERS + 1)
    writers = [context.Process(target=_write, args=(kind, each, barrier)) for _ in range(_WRITERS)]
    for writer in writers:
        writer.start()
    barrier.wait()
    start = time.perf_counter()
    with _sequencing():
        barrier.wait()
    log.sequence()
    seconds = time.perf_counter() - start
    for writer in writers:
        writer.join()
    return _WRITERS * each / seconds


@contextmanager
def _sequencing() -> Iterator[None]:
    """Places are given all the while, as the service's beat does."""
    from django.db import connection

    from audits.evidence import log

    ended = threading.Event()

    def sequence() -> None:
        while not ended.wait(0.25):
            log.sequence()
        connection.close()

    thread = threading.Thread(target=sequence)
    thread.start()
    yield
    ended.set()
    thread.join()


def _write(kind: str, each: int, barrier: Any) -> None:
    """One writer: every entry in a transaction of its own."""
    join_service()
    from django.db import connection, transaction

    from audits.evidence import log

    with connection.cursor() as cursor:
        barrier.wait()
        for n in range(each):
            with transaction.atomic():
                if kind == _APPEND:
                    log.append("benchmark", {"n": n})
                else:
                    payload = json.dumps({"n": n})
                    cursor.execute("INSERT INTO plain (kind, payload) VALUES ('benchmark', %s)", [payload])
        barrier.wait()


def _filled(entries: int) -> float:
    """Fill the log up, and say how many entries got their places in a second."""
    from django.db import connection

    from audits.evidence import log

    with connection.cursor() as cursor:
        missing = entries - log.sequence()
        for start in range(0, missing, _AT_ONCE):
            cursor.execute(
                "INSERT INTO audits_logentry (recorded_at, kind, payload) "
                "SELECT now(), 'benchmark', jsonb_build_object('n', n) FROM generate_series(%s, %s) n",
                [start + 1, min(start + _AT_ONCE, missing)],
            )
            cursor.execute("ANALYZE audits_logentry, audits_waitingentry")
    return missing / _seconds(log.sequence)


def _proof_seconds(entries: int) -> float:
    from audits.evidence import log
    from audits.evidence.tlog.merkle import inclusion_proof

    times = [
        _seconds(lambda index=index: inclusion_proof(index, entries, log.stored_nodes))
        for index in range(0, entries, entries // _PROOFS)
    ]
    return sorted(times)[len(times) // 2]


def _root_anew_seconds() -> float:
    """The baseline: what a proof would cost without stored nodes."""
    from audits.evidence.models import LogLeaf
    from audits.evidence.tlog.merkle import root_of

    return _seconds(lambda: root_of(bytes(leaf) for leaf in LogLeaf.objects.values_list("hash", flat=True)))


def _check_seconds(entries: int) -> float:
    from audits.evidence import log
    from audits.evidence.checking import check_log

    log.checkpoint()

    def check() -> None:
        assert check_log(lambda part: None) == entries

    return _seconds(check)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
