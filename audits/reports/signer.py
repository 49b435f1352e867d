"""Who signs reports: a key in a file, or one that never leaves its token (PKCS#11)."""

import datetime
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.x509.oid import NameOID
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pyhanko.keys import load_cert_from_pemder
from pyhanko.sign.signers import Signer, SimpleSigner

from audits.evidence.files import read, write

SIGNER = "signer.pem"
CERTIFICATE = "signer.crt"

_TEN_YEARS = datetime.timedelta(days=3652)
_URI = re.compile(r"pkcs11:([^?]*)\?(.*)")


def make_signer() -> list[str]:
    """Make a key and a self-signed certificate for it, if there is no certificate. Returns the names made."""
    folder = settings.KEYS
    if (folder / CERTIFICATE).exists():
        return []
    if settings.FEDSHARE_PKCS11:
        raise ImproperlyConfigured(f"FEDSHARE_PKCS11 is set: put the certificate of its key into {CERTIFICATE}")
    key = generate_private_key(public_exponent=65537, key_size=3072)
    write(
        folder / SIGNER,
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )
    write(folder / CERTIFICATE, _self_signed(key))
    return [SIGNER]


def signer_fingerprint() -> str:
    """SHA-256 of the signer's certificate (DER), in hexadecimal."""
    return x509.load_pem_x509_certificate(read(CERTIFICATE)).fingerprint(hashes.SHA256()).hex()


@contextmanager
def signer() -> Iterator[Signer]:
    """The signer that the settings name.

    Raises:
        ImproperlyConfigured: its key or certificate can't be read, or the token can't be opened.
    """
    read(CERTIFICATE)
    if settings.FEDSHARE_PKCS11:
        with _of_token(Token.parse(settings.FEDSHARE_PKCS11)) as found:
            yield found
        return
    read(SIGNER)
    found = SimpleSigner.load(str(settings.KEYS / SIGNER), str(settings.KEYS / CERTIFICATE))
    if found is None:
        raise ImproperlyConfigured(f"{SIGNER} and {CERTIFICATE} are no key and certificate in PEM")
    yield found


@dataclass(frozen=True)
class Token:
    """Where a key lies on a token."""

    module: str
    token: str
    label: str
    pin: str | None

    @classmethod
    def parse(cls, uri: str) -> "Token":
        """Read a PKCS#11 URI (RFC 7512): `pkcs11:token=T;object=KEY?module-path=LIB&pin-source=file:PATH`.

        Raises:
            ImproperlyConfigured: it is of another form, or the PIN's file can't be read.
        """
        matched = _URI.fullmatch(uri)
        parts = (matched[1].split(";") + matched[2].split("&")) if matched else []
        values = {name: unquote(value) for name, _, value in (part.partition("=") for part in parts)}
        try:
            source = values.get("pin-source")
            pin = values.get("pin-value") or (source and Path(source.removeprefix("file:")).read_text().strip())
            return cls(values["module-path"], values["token"], values["object"], pin or None)
        except KeyError as error:
            raise ImproperlyConfigured(
                f"FEDSHARE_PKCS11: {error.args[0]} is missing; the form is "
                "pkcs11:token=T;object=KEY?module-path=LIB&pin-source=file:PATH"
            ) from None
        except OSError as error:
            raise ImproperlyConfigured(f"FEDSHARE_PKCS11: the file of the PIN can't be read: {error}") from None


@contextmanager
def _of_token(token: Token) -> Iterator[Signer]:
    # Imported here: the driver is needed only where a token is.
    from pkcs11.exceptions import PKCS11Error
    from pyhanko.config.pkcs11 import TokenCriteria
    from pyhanko.sign.pkcs11 import PKCS11Signer, open_pkcs11_session

    try:
        session = open_pkcs11_session(token.module, token_criteria=TokenCriteria(label=token.token), user_pin=token.pin)
    except (PKCS11Error, RuntimeError) as error:
        raise ImproperlyConfigured(f"FEDSHARE_PKCS11: the token can't be opened: {error!r}") from error
    with session:
        certificate = load_cert_from_pemder(str(settings.KEYS / CERTIFICATE))
        yield PKCS11Signer(session, signing_cert=certificate, key_label=token.label, bulk_fetch=False)


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
