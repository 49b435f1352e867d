"""The log's keys: the one that signs, and those that signed before."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from audits.evidence.files import read, write
from audits.evidence.tlog.note import ED25519, VerifierKey

LOG, LOG_PUBLIC, LOG_RETIRED = "log.pem", "log.vkey", "log-retired.vkeys"
NEXT = "log-next.pem"
"""Of a rotation that has begun."""


def make_log_key() -> list[str]:
    """Make the log's key if there is none. Returns the names of the files made."""
    if (settings.KEYS / LOG).exists():
        return []
    read_or_make_key(settings.KEYS / LOG, settings.KEYS / LOG_PUBLIC, settings.FEDSHARE_LOG_ORIGIN, ED25519)
    return [LOG]


def log_key() -> Ed25519PrivateKey:
    """The key that signs checkpoints."""
    return _parsed(read(LOG), LOG)


def log_verifier_key() -> str:
    """The published form of the log's key."""
    return read(LOG_PUBLIC).decode().strip()


def log_verifier_keys() -> list[VerifierKey]:
    """The log's keys, the present one first, then those before."""
    retired = settings.KEYS / LOG_RETIRED
    lines = retired.read_text().split() if retired.exists() else []
    return [VerifierKey.parse(line) for line in (log_verifier_key(), *reversed(lines))]


def read_or_make_key(private: Path, public: Path, name: str, kind: int) -> Ed25519PrivateKey:
    """The key in a file; made, with its published form beside it, where there is none."""
    if private.exists():
        return _parsed(private.read_bytes(), private.name)
    key = Ed25519PrivateKey.generate()
    write(public, f"{VerifierKey(name, key.public_key(), kind)}\n".encode())
    write(private, pem(key))
    return key


def pem(key: Ed25519PrivateKey) -> bytes:
    """The private key as a file has it (PKCS #8)."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _parsed(content: bytes, name: str) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key(content, password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ImproperlyConfigured(f"{name} is not an Ed25519 key")
    return key
