import pytest

from audits.evidence import sealing


def test_an_identity_is_known_by_its_digest_whatever_its_case():
    assert sealing.identity_digest(" Ann@Example.org ") == sealing.identity_digest("ann@example.org")
    assert sealing.identity_digest("ann@example.org") != sealing.identity_digest("bob@example.org")


def test_the_suppression_list_can_not_be_joined_with_the_subjects():
    digest = sealing.identity_digest("ann@example.org")
    assert len({digest, sealing.suppression_digest(digest), sealing.journal_digest(digest)}) == 3


def test_a_key_survives_wrapping():
    key = sealing.new_key()
    assert sealing.unwrap(sealing.wrap(key)) == key


def test_sealed_bytes_open_with_their_key_and_purpose_alone():
    key = sealing.new_key()
    sealed = sealing.seal(key, b"secret", "one")
    assert sealing.unseal(key, sealed, "one") == b"secret"
    assert b"secret" not in sealed
    for wrong_key, altered, purpose in (
        (sealing.new_key(), sealed, "one"),
        (key, sealed, "two"),
        (key, sealed[:-1] + bytes([sealed[-1] ^ 1]), "one"),
    ):
        with pytest.raises(ValueError, match="don't open"):
            sealing.unseal(wrong_key, altered, purpose)
