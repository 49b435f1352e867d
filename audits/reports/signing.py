"""Signing a report (PAdES)."""

import io
from pathlib import Path

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter

FIELD = "EvidenceSignature"


def sign_pdf(pdf: bytes, key: Path, certificate: Path) -> bytes:
    """Certify the PDF with the service's key; no change is permitted afterwards.

    Args:
        key, certificate: PEM files.
    """
    signer = signers.SimpleSigner.load(str(key), str(certificate))
    if signer is None:
        raise ValueError("the report signer's key or certificate can't be read: run `manage.py make_keys`")
    metadata = signers.PdfSignatureMetadata(
        field_name=FIELD,
        subfilter=SigSeedSubFilter.PADES,
        md_algorithm="sha256",
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        reason="Evidence of a data subject's request",
    )
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    fields.append_signature_field(writer, fields.SigFieldSpec(FIELD))
    return signers.sign_pdf(writer, metadata, signer=signer).getvalue()
