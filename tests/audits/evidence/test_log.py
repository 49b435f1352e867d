import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from audits.evidence import log, rotation
from audits.evidence.checking import LogDamaged, check_log
from audits.evidence.keys import log_verifier_key, log_verifier_keys
from audits.evidence.models import LogCheckpoint, LogEntry, LogLeaf
from audits.evidence.tlog import merkle
from audits.evidence.tlog.checkpoint import check_offline_proof, open_note
from audits.evidence.tlog.handover import trusted_keys
from audits.evidence.tlog.merkle import root_of
from audits.evidence.tlog.note import ProofError, VerifierKey

pytestmark = pytest.mark.django_db


def key():
    return VerifierKey.parse(log_verifier_key())


def order():
    return list(LogLeaf.objects.values_list("index", "entry__kind"))


def test_a_transaction_that_rolls_back_leaves_no_hole():
    log.append("a", {})
    with transaction.atomic():
        log.append("lost", {})
        transaction.set_rollback(True)
    log.append("b", {})
    assert log.sequence() == 2
    assert order() == [(0, "a"), (1, "b")]
    first, second = LogEntry.objects.all()
    assert second.pk - first.pk == 2  # the number is gone, the place is not


def test_every_entry_can_be_proven_offline():
    entries = [log.append("kind", {"n": n}) for n in range(6)]
    for entry in entries:
        index, checkpoint = check_offline_proof(log.prove(entry), log.leaf_of(entry), key())
        assert (index, checkpoint.size) == (entry.leaf.index, 6)


@pytest.mark.parametrize("sizes", [(1,), (3, 4), (1, 1, 1, 6), (7, 0, 9)])
def test_the_tree_is_the_same_however_entries_come_in(sizes):
    for count in sizes:
        for n in range(count):
            log.append("kind", {"n": n})
        log.sequence()
    leaves = [bytes(leaf.hash) for leaf in LogLeaf.objects.all()]
    assert merkle.root(len(leaves), log.stored_nodes) == root_of(leaves)
    assert check_log(lambda part: None) == sum(sizes)


def test_a_checkpoint_is_signed_once_for_each_size():
    log.append("a", {})
    assert log.checkpoint() == log.checkpoint()
    log.append("b", {})
    assert [open_note(point.note, key()).size for point in (log.checkpoint(), LogCheckpoint.objects.last())] == [2, 1]


TABLES = ("audits_logentry", "audits_logleaf", "audits_lognode", "audits_logcheckpoint")


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_database_refuses_to_change_the_log_even_its_owner(table, statement):
    for name in "abc":
        log.append(name, {})
    log.checkpoint()
    column = {"audits_logentry": "kind", "audits_logcheckpoint": "note"}.get(table, "hash")
    with connection.cursor() as cursor:
        cursor.execute("SELECT tableowner = current_user FROM pg_tables WHERE tablename = %s", [table])
        assert cursor.fetchone() == (True,)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
            cursor.execute(statement.format(table, column, column))
    assert check_log(lambda part: None) == 3


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("UPDATE audits_logentry SET payload = '{}' WHERE kind = 'k3'", "entry 3 is not what it was"),
        ("UPDATE audits_logentry SET kind = 'other' WHERE kind = 'k5'", "entry 5 is not what it was"),
        ("UPDATE audits_lognode SET hash = sha256('x') WHERE level = 1 AND index = 1", "node 1 on level 1"),
        ("DELETE FROM audits_lognode WHERE level = 2", "on level 2"),
        ("INSERT INTO audits_lognode (level, index, hash) VALUES (3, 0, 'x')", None),
        ("DELETE FROM audits_logleaf WHERE index = 2", "entry 2 is missing"),
        ("DELETE FROM audits_logleaf WHERE index >= 5", "some were lost"),
    ],
)
def test_damage_below_the_triggers_is_found(damage, what):
    for n in range(7):
        log.append(f"k{n}", {"n": n})
    log.checkpoint()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(damage)
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    if what is None:  # over entries that are not there yet; found as soon as they are
        log.append("k7", {})
        with pytest.raises(DatabaseError):
            log.sequence()
        return
    with pytest.raises(LogDamaged, match=what):
        check_log(lambda part: None)


@pytest.fixture
def own_keys(settings, tmp_path):
    """Keys of this test alone."""
    from audits.keys import make_keys

    settings.KEYS = tmp_path / "keys"
    make_keys()


@pytest.mark.usefixtures("own_keys")
def test_a_new_key_is_vouched_for_by_the_old_one():
    entry = log.append("before", {})
    old, report = key(), log.prove(entry)
    rotation.rotate_log_key()
    new = key()
    rotation.rotate_log_key()
    later = log.prove(log.append("after", {}))
    assert [str(one) for one in log_verifier_keys()][1:] == [str(new), str(old)]
    check_offline_proof(report, log.leaf_of(entry), old)
    with pytest.raises(ProofError, match="no signature"):
        check_offline_proof(later, log.leaf_of(LogEntry.objects.last()), old)
    trusted = trusted_keys([old], rotation.handovers())
    assert [str(one) for one in trusted] == [str(old), str(new), str(key())]
    check_offline_proof(later, log.leaf_of(LogEntry.objects.last()), trusted[-1])
    assert check_log(lambda part: None) == 4


@pytest.mark.usefixtures("own_keys")
def test_a_handover_that_the_old_key_did_not_sign_is_refused():
    rotation.rotate_log_key()
    (handover,) = rotation.handovers()
    forged = handover.entry | {"payload": handover.entry["payload"] | {"to": str(key()).replace("+", "+0", 1)}}
    old = VerifierKey.parse(handover.entry["payload"]["from"])
    with pytest.raises(ProofError, match="root"):
        trusted_keys([old], [type(handover)(forged, handover.proof)])
    assert trusted_keys([key()], [handover]) == [key()]


@pytest.mark.parametrize("payload", [{"n": 1.5}, {"n": [1e16]}, {"n": 2**53}, {"n": {"m": float("nan")}}])
def test_what_has_no_lasting_spelling_is_refused_before_it_is_in(payload):
    with pytest.raises((TypeError, ValueError)):
        log.append("kind", payload)
    log.append("kind", {"n": 1})
    assert log.sequence() == 1


@pytest.mark.usefixtures("own_keys")
def test_a_report_written_after_a_change_of_keys_is_proven_by_the_key_that_its_document_names():
    entry, old = log.append("before", {}), key()
    rotation.rotate_log_key()
    assert check_offline_proof(log.prove(entry, old), log.leaf_of(entry), old)[0] == 0
    with pytest.raises(LookupError):
        log.prove(log.append("after", {}), old)
