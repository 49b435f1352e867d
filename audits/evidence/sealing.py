"""Keeping identities out of everything: keyed digests, wrapped keys, sealed bytes."""

import hashlib
import hmac
import os
from functools import cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from audits.evidence.master import master_key

_NONCE_BYTES = 12


def new_key() -> bytes:
    """A random 256-bit key."""
    return os.urandom(32)


def identity_digest(identity: str) -> bytes:
    """Keyed digest under which a customer is stored; the identity itself never is.

    Case and surrounding space do not count.
    """
    return _keyed("identity", identity.strip().lower().encode())


def identifier_digest(kind: str, form: str, value: str) -> bytes:
    """Keyed digest of a further identifier, such as an e-mail address or the SHA-256 of one."""
    return _keyed("identifier", f"{kind}\0{form}\0{value.strip().lower()}".encode())


def suppression_digest(identity: bytes) -> bytes:
    """Digest of an identity digest for the suppression list; its own key keeps the two from being joined."""
    return _keyed("suppression", identity)


def journal_digest(identity: bytes) -> bytes:
    """Digest of an identity digest for the journal of erasures, which lies outside of the database."""
    return _keyed("journal", identity)


def body_digest(body: bytes) -> str:
    """Keyed digest of what somebody sent, to know it again without keeping it."""
    return _keyed("body", body).hex()


def commitment(subject_key: bytes, statement: str) -> str:
    """What the log says in place of a subject; means nothing once the subject's key is gone."""
    return hmac.digest(subject_key, statement.encode(), "sha256").hex()


def wrap(key: bytes) -> bytes:
    """Encrypt a key under the master key (RFC 3394)."""
    return aes_key_wrap(_derived("wrapping"), key)


def unwrap(wrapped: bytes) -> bytes:
    """The key that `wrap` encrypted."""
    return aes_key_unwrap(_derived("wrapping"), wrapped)


def seal(key: bytes, plain: bytes, purpose: str) -> bytes:
    """Encrypt bytes for one purpose (AES-256-GCM, random nonce in front)."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, purpose.encode())


def unseal(key: bytes, sealed: bytes, purpose: str) -> bytes:
    """Decrypt what `seal` encrypted.

    Raises:
        ValueError: wrong key, wrong purpose, or altered bytes.
    """
    try:
        return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], purpose.encode())
    except InvalidTag:
        raise ValueError("sealed bytes don't open: wrong key, wrong purpose, or altered") from None


@cache
def _derived(purpose: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=f"fedshare/{purpose}".encode()).derive(master_key())


def _keyed(purpose: str, message: bytes) -> bytes:
    return hmac.new(_derived(purpose), message, hashlib.sha256).digest()
