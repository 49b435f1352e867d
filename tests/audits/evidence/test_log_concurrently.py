"""The log under real transactions on real connections."""

import threading
import time

import pytest
from django.db import connection, transaction

from audits.evidence import log
from audits.evidence.checking import check_log
from audits.evidence.models import LogLeaf, LogNode, WaitingEntry

_TABLES = "audits_waitingentry", "audits_logcheckpoint", "audits_lognode", "audits_logleaf", "audits_logentry"


@pytest.fixture(autouse=True)
def _committed(django_db_setup, django_db_blocker):
    """What a test commits is removed afterwards, past the triggers that forbid it."""
    with django_db_blocker.unblock():
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(f"TRUNCATE {', '.join(_TABLES)} CASCADE")
            cursor.execute("SET session_replication_role = origin")


def test_appenders_do_not_wait_for_one_that_has_not_committed():
    started, go_on = threading.Event(), threading.Event()

    def slow():
        with transaction.atomic():
            log.append("slow", {})
            started.set()
            go_on.wait(10)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    started.wait(10)
    before = time.monotonic()
    log.append("quick", {})
    assert log.checkpoint().size == 1
    assert time.monotonic() - before < 5  # the slow one sleeps for up to ten seconds
    go_on.set()
    thread.join()
    assert log.sequence() == 2
    assert list(LogLeaf.objects.values_list("index", "entry__kind")) == [(0, "quick"), (1, "slow")]


def test_many_writers_lose_nothing_and_keep_their_own_order():
    def write(name):
        for n in range(40):
            with transaction.atomic():
                log.append(name, {"n": n})
                if n % 7 == 3:
                    transaction.set_rollback(True)
            if n % 5 == 0:
                log.sequence()
        connection.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = [n for n in range(40) if n % 7 != 3]
    assert log.sequence() == 4 * len(kept)
    leaves = LogLeaf.objects.select_related("entry")
    assert [leaf.index for leaf in leaves] == list(range(4 * len(kept)))
    for name in "abcd":
        assert [leaf.entry.payload["n"] for leaf in leaves if leaf.entry.kind == name] == kept
    assert not WaitingEntry.objects.exists()
    assert check_log(lambda part: None) == LogNode.objects.count() + (4 * len(kept)).bit_count()
