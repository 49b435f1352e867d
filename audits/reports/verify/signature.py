"""Who signed the file, when, and that nothing in it was touched since."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import cms, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import DocumentSecurityStore, EmbeddedPdfSignature, validate_pdf_signature
from pyhanko.sign.validation.errors import NoDSSFoundError, SignatureValidationError
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError

from audits.reports.spelling import canonical_contents, stamped_at, time_stamp_of
from audits.reports.verify.errors import CheckFailed

MOST_BYTES = 50 * 1024 * 1024


@dataclass(frozen=True)
class Signed:
    """A file whose signature holds."""

    reader: PdfFileReader
    signature: EmbeddedPdfSignature
    certificate: str
    """SHA-256 of the signer's certificate, in hexadecimal."""
    stamped: datetime | None
    """What a time-stamping authority says; None without one."""


def opened(pdf: bytes) -> Signed:
    """The file, if its one signature covers every byte.

    Raises:
        CheckFailed: it does not.
    """
    if not pdf.startswith(b"%PDF-") or len(pdf) > MOST_BYTES:
        raise CheckFailed("this is no PDF file, or one of more than 50 MB")
    reader = PdfFileReader(io.BytesIO(pdf), strict=True)
    signatures = reader.embedded_signatures
    if len(signatures) != 1:
        raise CheckFailed(f"the file carries {len(signatures)} signatures instead of one")
    signature = signatures[0]
    _covers_every_byte(pdf, signature)
    certificate = signature.signer_cert
    # The certificate is trusted because the logged document names it, which a later check shows.
    context = ValidationContext(trust_roots=[certificate], allow_fetching=False)
    status = validate_pdf_signature(signature, signer_validation_context=context)
    if not (status.intact and status.valid):
        raise CheckFailed("the signature does not fit the file's bytes")
    token = time_stamp_of(signature.signer_info)
    if token is not None:
        stamp = status.timestamp_validity
        if stamp is None or not (stamp.intact and stamp.valid):
            raise CheckFailed("the time stamp does not fit the signature")
        _names_its_certificate(token)
    return Signed(
        reader,
        signature,
        hashlib.sha256(certificate.dump()).hexdigest(),
        None if token is None else stamped_at(token)["gen_time"].native,
    )


def assert_trusted(signed: Signed, roots: Sequence[x509.Certificate]) -> None:
    """Check that signer and time stamp led to trusted roots at the stamped moment, by what the file carries.

    Raises:
        CheckFailed: they did not, or the file carries no time stamp or no validation data (PAdES B-LT).
    """
    if signed.stamped is None:
        raise CheckFailed("there is no time stamp, so nothing says at which moment the certificates should be judged")
    try:
        store = DocumentSecurityStore.read_dss(signed.reader)
        context = store.as_validation_context(
            {
                "trust_roots": list(roots),
                "allow_fetching": False,
                "moment": signed.stamped,
                "revocation_mode": "hard-fail",
            }
        )
        status = validate_pdf_signature(
            signed.signature, signer_validation_context=context, ts_validation_context=context
        )
    except (NoDSSFoundError, SignatureValidationError, ValidationError, PathError) as error:
        raise CheckFailed(f"the certificates do not lead to the given roots: {error}") from error
    stamp = status.timestamp_validity
    if not status.trusted or stamp is None or not stamp.trusted:
        raise CheckFailed("the certificates do not lead to the given roots")


def _covers_every_byte(pdf: bytes, signature: EmbeddedPdfSignature) -> None:
    """The signed ranges and the signature's own bytes make up the file, and those bytes have one spelling."""
    start, before, after, rest = (int(n) for n in signature.byte_range)
    if start != 0 or after + rest != len(pdf):
        raise CheckFailed("the signature does not cover the whole file")
    if pdf[before:after] != canonical_contents(after - before, signature.pkcs7_content):
        raise CheckFailed("the signature's bytes are not in their canonical form")


def _names_its_certificate(token: cms.ContentInfo) -> None:
    """What the time stamp signed contains its certificate's digest (RFC 5035), so that no bit of it is free."""
    signed: cms.SignedData = token["content"]
    (certificate,) = (choice.chosen for choice in signed["certificates"])
    for attribute in signed["signer_infos"][0]["signed_attrs"]:
        kind = attribute["type"].native
        if kind in ("signing_certificate", "signing_certificate_v2"):
            first = attribute["values"][0]["certs"][0]
            name = "sha1" if kind == "signing_certificate" else first["hash_algorithm"]["algorithm"].native
            if hashlib.new(name, certificate.dump()).digest() == first["cert_hash"].native:
                return
    raise CheckFailed("the time stamp does not name its certificate")
