"""The keys of the service: a master key, the log's key and the report signer's."""

import datetime
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from audits.evidence.checkpoint import verifier_key

MASTER = "master.key"
LOG = "log.pem"
LOG_PUBLIC = "log.vkey"
SIGNER = "signer.pem"
SIGNER_CERTIFICATE = "signer.crt"

_TEN_YEARS = datetime.timedelta(days=3652)


def make_keys() -> list[str]:
    """Make the keys that are missing; those that exist are never touched. Returns the names made."""
    folder: Path = settings.KEYS
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = []
    if not (folder / MASTER).exists():
        _write(folder / MASTER, os.urandom(32))
        made.append(MASTER)
    if not (folder / LOG).exists():
        key = Ed25519PrivateKey.generate()
        _write(folder / LOG_PUBLIC, (verifier_key(settings.FEDSHARE_LOG_ORIGIN, key.public_key()) + "\n").encode())
        _write(folder / LOG, _pem(key))
        made.append(LOG)
    if not (folder / SIGNER).exists():
        signer = generate_private_key(public_exponent=65537, key_size=3072)
        _write(folder / SIGNER_CERTIFICATE, _self_signed(signer))
        _write(folder / SIGNER, _pem(signer))
        made.append(SIGNER)
    return made


def master_key() -> bytes:
    """The 32-byte key from which every other secret is derived."""
    return _read(MASTER)


def log_key() -> Ed25519PrivateKey:
    """The key that signs checkpoints."""
    key = serialization.load_pem_private_key(_read(LOG), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ImproperlyConfigured(f"{LOG} is not an Ed25519 key")
    return key


def log_verifier_key() -> str:
    """The published form of the log's key."""
    return _read(LOG_PUBLIC).decode().strip()


def signer_files() -> tuple[Path, Path]:
    """Paths of the report signer's private key and certificate."""
    _read(SIGNER), _read(SIGNER_CERTIFICATE)
    return settings.KEYS / SIGNER, settings.KEYS / SIGNER_CERTIFICATE


def signer_fingerprint() -> str:
    """SHA-256 of the report signer's certificate (DER), in hexadecimal."""
    return x509.load_pem_x509_certificate(_read(SIGNER_CERTIFICATE)).fingerprint(hashes.SHA256()).hex()


def _read(name: str) -> bytes:
    try:
        return (settings.KEYS / name).read_bytes()
    except FileNotFoundError:
        raise ImproperlyConfigured(f"the key file {name} is missing: run `manage.py make_keys`") from None


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    os.replace(temporary, path)


def _pem(key: Ed25519PrivateKey | RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _self_signed(key: RSAPrivateKey) -> bytes:
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, settings.FEDSHARE_CONTROLLER[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, "FedShare evidence signer"),
        ]
    )
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + _TEN_YEARS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=True,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=False,
                crl_sign=False,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
