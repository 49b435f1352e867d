"""A witness that remembers, and refuses a fork."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits.evidence.tlog.checkpoint import Checkpoint, sign, verifier_key
from audits.evidence.tlog.merkle import consistency_proof, leaf_hash, root_of
from audits.evidence.tlog.note import ProofError, VerifierKey
from audits.evidence.tlog.witness import (
    Fork,
    Stale,
    UnknownLog,
    Witness,
    check_cosignature,
    parse_request,
    request_text,
)
from tests.audits.evidence.tlog.test_merkle import grown, some_leaves

ORIGIN = "example.test/log"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
LEAVES = some_leaves(12)


def note(leaves, origin=ORIGIN, key=KEY):
    return sign(Checkpoint(origin, len(leaves), root_of(leaves)), key)


def proof(old, leaves):
    return consistency_proof(old, len(leaves), grown(leaves)) if old else []


@pytest.fixture
def witness(tmp_path):
    return make(tmp_path)


def make(folder, key=WITNESS_KEY):
    return Witness("example.test/witness", key, [verifier_key(ORIGIN, KEY)], folder)


def test_it_cosigns_a_log_that_grows(witness):
    signed = note(LEAVES[:5])
    line = witness.add_checkpoint(0, [], signed)
    check_cosignature(signed + line, witness.key)
    signed = note(LEAVES)
    check_cosignature(signed + witness.add_checkpoint(5, proof(5, LEAVES), signed), witness.key)
    assert witness.last(ORIGIN).size == 12


def test_a_cosignature_is_of_one_checkpoint_and_one_witness(witness):
    line = witness.add_checkpoint(0, [], note(LEAVES[:5]))
    with pytest.raises(ProofError, match="cosignature is wrong"):
        check_cosignature(note(LEAVES[:6]) + line, witness.key)
    with pytest.raises(ProofError, match="no signature"):
        check_cosignature(note(LEAVES[:5]), witness.key)
    other = VerifierKey("example.test/witness", KEY.public_key(), witness.key.kind)
    with pytest.raises(ProofError, match="no signature"):
        check_cosignature(note(LEAVES[:5]) + line, other)
    with pytest.raises(ProofError, match="not a witness"):
        check_cosignature(note(LEAVES[:5]) + line, verifier_key(ORIGIN, KEY))


@pytest.mark.parametrize("size", [5, 6, 12])
def test_it_refuses_a_fork_and_keeps_it_as_evidence(witness, size, tmp_path):
    witness.add_checkpoint(0, [], note(LEAVES[:5]))
    fork = [*LEAVES[:3], leaf_hash(b"forged"), *LEAVES[4:size]]
    with pytest.raises(Fork):
        witness.add_checkpoint(5, proof(5, fork) if size > 5 else [], note(fork))
    assert witness.last(ORIGIN).root == root_of(LEAVES[:5])


def test_another_log_of_the_same_size_is_kept(witness, tmp_path):
    witness.add_checkpoint(0, [], note(LEAVES[:5]))
    fork = [*LEAVES[:4], leaf_hash(b"forged")]
    with pytest.raises(Fork):
        witness.add_checkpoint(5, [], note(fork))
    (kept,) = tmp_path.glob("*.fork-at-5")
    assert kept.read_text() == note(fork)


def test_it_refuses_a_log_that_lost_its_end(witness):
    witness.add_checkpoint(0, [], note(LEAVES))
    with pytest.raises(Stale) as stale:
        witness.add_checkpoint(5, proof(5, LEAVES), note(LEAVES))
    assert stale.value.size == 12
    with pytest.raises(ProofError, match="proves from 12"):
        witness.add_checkpoint(12, [], note(LEAVES[:5]))


def test_it_remembers_across_restarts(tmp_path):
    make(tmp_path).add_checkpoint(0, [], note(LEAVES[:5]))
    with pytest.raises(Stale):
        make(tmp_path).add_checkpoint(0, [], note(LEAVES[:7]))


def test_a_memory_that_was_altered_is_not_trusted(tmp_path, witness):
    witness.add_checkpoint(0, [], note(LEAVES[:5]))
    (file,) = tmp_path.glob("*.note")
    file.write_text(note(LEAVES[:2]))
    with pytest.raises(ProofError, match="no signature"):
        witness.add_checkpoint(2, proof(2, LEAVES), note(LEAVES))


def test_it_watches_the_logs_whose_keys_it_has(witness):
    with pytest.raises(UnknownLog):
        witness.add_checkpoint(0, [], note(LEAVES, origin="other.test/log"))
    with pytest.raises(ProofError, match="no signature"):
        witness.add_checkpoint(0, [], note(LEAVES, key=WITNESS_KEY))


def test_a_request_reads_back():
    asked = (5, proof(5, LEAVES), note(LEAVES))
    assert parse_request(request_text(*asked)) == asked


@pytest.mark.parametrize("text", ["", "old five\n\nx", "new 5\n\nx", "old 5\nnot base64\n\nx", "old 5\n\n"])
def test_a_malformed_request_says_so(text):
    with pytest.raises(ProofError, match="malformed"):
        parse_request(text)


def test_what_a_stranger_adds_to_a_note_is_not_remembered(witness, tmp_path):
    """Else anyone could fill its storage, or make it doubt its own memory."""
    junk = witness.key.signature_line(bytes(72)) + "— somebody not-base64!\n" + "x" * 5000 + "\n"
    witness.add_checkpoint(0, [], note(LEAVES[:5]) + junk)
    (file,) = tmp_path.glob("*.note")
    assert len(file.read_text()) < 500
    line = witness.add_checkpoint(5, proof(5, LEAVES), note(LEAVES) + junk)
    check_cosignature(note(LEAVES) + junk + line, witness.key)
