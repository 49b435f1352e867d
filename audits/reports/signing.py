"""Signing a report (PAdES): B-B by itself, B-T with a time-stamping authority, B-LT with trust roots as well."""

import io

from django.conf import settings
from pyhanko.keys import load_certs_from_pemder
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.signers.pdf_signer import DSSContentSettings, SigDSSPlacementPreference
from pyhanko.sign.timestamps import HTTPTimeStamper
from pyhanko_certvalidator import ValidationContext

from audits.reports.signer import signer
from audits.reports.spelling import canonical_contents

FIELD = "EvidenceSignature"


def sign_pdf(pdf: bytes) -> bytes:
    """Certify the PDF; no change is permitted afterwards.

    With `FEDSHARE_TSA` the signature carries a time stamp. With `FEDSHARE_TRUST` the file carries, within what is
    signed, the certificates and revocation data that a validator needs in later years.

    Raises:
        ImproperlyConfigured: the key can't be used.
        TimestampRequestError: the authority gives no time stamp.
        SigningError: the certificate does not lead to the trust roots.
    """
    trust = _trust()
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD,
        subfilter=SigSeedSubFilter.PADES,
        md_algorithm="sha256",
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        reason="Evidence",
        embed_validation_info=trust is not None,
        validation_context=trust,
        dss_settings=DSSContentSettings(include_vri=False, placement=SigDSSPlacementPreference.TOGETHER_WITH_SIGNATURE),
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    fields.append_signature_field(writer, fields.SigFieldSpec(FIELD))
    stamper = HTTPTimeStamper(settings.FEDSHARE_TSA) if settings.FEDSHARE_TSA else None
    with signer() as key:
        # One certificate stands in the signature; those above it belong to the validation data.
        key.embed_roots = False
        return _in_one_spelling(signers.sign_pdf(writer, metadata, signer=key, timestamper=stamper).getvalue())


def _in_one_spelling(pdf: bytes) -> bytes:
    """Leave out of signature and time stamp what nobody signed, so that the verifier can rebuild them."""
    (signature,) = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    _, before, after, _ = (int(n) for n in signature.byte_range)
    return pdf[:before] + canonical_contents(after - before, signature.pkcs7_content) + pdf[after:]


def _trust() -> ValidationContext | None:
    """Trust roots and what lies between them and our certificates; the roots are the self-signed ones."""
    if not settings.FEDSHARE_TRUST:
        return None
    given = list(load_certs_from_pemder([settings.FEDSHARE_TRUST]))
    roots = [one for one in given if one.self_signed != "no"]
    return ValidationContext(
        trust_roots=roots,
        other_certs=[one for one in given if one.self_signed == "no"],
        allow_fetching=True,
        revocation_mode="hard-fail",
    )
