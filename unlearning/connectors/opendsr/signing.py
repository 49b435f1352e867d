"""The processor's key and certificate, and the signature on every answer (RSA PKCS#1 v1.5, SHA-256)."""

import base64
from datetime import timedelta
from functools import cache
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from django.conf import settings
from django.utils import timezone

from audits.evidence.files import read, write

KEY, CERTIFICATE = "opendsr.pem", "opendsr.crt"
_BITS = 3072
_VALID_FOR = timedelta(days=3650)


def domain() -> str:
    """Of this processor."""
    return urlsplit(settings.FEDSHARE_PUBLIC_URL).hostname or ""


def make_key() -> list[str]:
    """Make the key if there is none. Returns the names of the files made."""
    if (settings.KEYS / KEY).exists():
        return []
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, domain())])
    now = timezone.now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + _VALID_FOR)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(domain())]), critical=False)
        .sign(key, hashes.SHA256())
    )
    write(settings.KEYS / CERTIFICATE, certificate.public_bytes(serialization.Encoding.PEM))
    write(
        settings.KEYS / KEY,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    return [KEY, CERTIFICATE]


def certificate() -> bytes:
    """The certificate, in PEM."""
    return read(CERTIFICATE)


def headers(body: bytes) -> dict[str, str]:
    """What every answer and callback carries."""
    signature = _key().sign(body, padding.PKCS1v15(), hashes.SHA256())
    return {
        "X-OpenDSR-Processor-Domain": domain(),
        "X-OpenDSR-Signature": base64.b64encode(signature).decode(),
    }


@cache
def _key() -> rsa.RSAPrivateKey:
    return serialization.load_pem_private_key(read(KEY), password=None)
