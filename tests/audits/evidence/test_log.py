import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from audits.evidence import log
from audits.evidence.checkpoint import check_offline_proof
from audits.evidence.keys import log_verifier_key
from audits.evidence.merkle import leaf_hash
from audits.evidence.models import LogEntry

pytestmark = pytest.mark.django_db


def test_entries_are_numbered_without_gaps_even_after_a_rollback():
    log.append("a", {})
    with transaction.atomic():
        log.append("lost", {})
        transaction.set_rollback(True)
    log.append("b", {})
    assert list(LogEntry.objects.values_list("index", "kind")) == [(0, "a"), (1, "b")]


def test_every_entry_can_be_proven_offline():
    entries = [log.append("kind", {"n": n}) for n in range(6)]
    for entry in entries:
        leaf = leaf_hash(log.entry_bytes(entry.kind, entry.recorded_at.isoformat(), entry.payload))
        index, checkpoint = check_offline_proof(log.prove(entry), leaf, log_verifier_key())
        assert (index, checkpoint.size) == (entry.index, 6)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audits_logentry SET kind = 'other'",
        "DELETE FROM audits_logentry",
        "TRUNCATE audits_logentry",
    ],
)
def test_the_database_refuses_to_change_the_log(statement):
    log.append("a", {})
    with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert LogEntry.objects.get().kind == "a"
