import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits.evidence.tlog.checkpoint import (
    Checkpoint,
    check_offline_proof,
    offline_proof,
    open_note,
    sign,
    verifier_key,
)
from audits.evidence.tlog.merkle import inclusion_proof, leaf_hash, root_of
from audits.evidence.tlog.note import ProofError, VerifierKey
from tests.audits.evidence.tlog.test_merkle import grown

ORIGIN = "example.test/log"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VERIFIER = verifier_key(ORIGIN, KEY)
LEAVES = [leaf_hash(bytes([n])) for n in range(5)]
CHECKPOINT = Checkpoint(ORIGIN, 5, root_of(LEAVES))
NOTE = sign(CHECKPOINT, KEY)
PROOF = offline_proof(3, inclusion_proof(3, 5, grown(LEAVES)), NOTE)


def test_the_example_key_of_the_signed_note_specification_has_its_published_hash():
    # golang.org/x/mod/sumdb/note's documentation: PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    published = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(published.split("+", 2)[2])[1:])
    assert str(VerifierKey("PeterNeumann", public)) == published
    assert VerifierKey.parse(published).name == "PeterNeumann"


def test_a_note_has_the_form_of_the_specification():
    body, signature = NOTE.split("\n\n")
    assert body.split("\n") == [ORIGIN, "5", base64.b64encode(CHECKPOINT.root).decode()]
    assert signature.startswith(f"— {ORIGIN} ")


def test_a_note_opens_with_its_key():
    assert open_note(NOTE, VERIFIER) == CHECKPOINT


def test_a_proof_checks_offline():
    assert check_offline_proof(PROOF, LEAVES[3], VERIFIER) == (3, CHECKPOINT)


OTHER = verifier_key(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))


@pytest.mark.parametrize(
    ("text", "leaf", "key", "why"),
    [
        (PROOF, LEAVES[2], VERIFIER, "root"),
        (PROOF.replace("index 3", "index 2"), LEAVES[3], VERIFIER, "root"),
        (PROOF.replace("index 3", "index 03"), LEAVES[3], VERIFIER, "malformed"),
        (PROOF.replace("\n5\n", "\n6\n"), LEAVES[3], VERIFIER, "signature"),
        (PROOF, LEAVES[3], OTHER, "no signature"),
        (PROOF, LEAVES[3], verifier_key("other.test/log", KEY), "of the log"),
        ("", LEAVES[3], VERIFIER, "malformed"),
    ],
)
def test_anything_else_does_not_check_and_says_why(text, leaf, key, why):
    with pytest.raises(ProofError, match=why):
        check_offline_proof(text, leaf, key)


@pytest.mark.parametrize(
    "text", ["nonsense", "a+b+c", str(VERIFIER).replace("+", "+0", 1), f"other+{str(VERIFIER)[17:]}"]
)
def test_a_key_that_is_none_says_so(text):
    with pytest.raises(ProofError, match="log key"):
        VerifierKey.parse(text)
