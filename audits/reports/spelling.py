"""The one spelling that a signature has in a report.

A signature can't cover its own bytes, and CMS (RFC 5652) has fields beside it that nobody signs. So
that no byte of a report can be changed unnoticed, the container is rebuilt from what is signed, the
certificate and the signature, and must come out the same.
"""

import binascii

from asn1crypto import cms


def canonical_contents(gap_length: int, content: bytes) -> bytes:
    """What must stand between the signed ranges of the PDF.

    Args:
        gap_length: its length in bytes, delimiters and padding included.
        content: the CMS message that is there, padding included.

    Raises:
        ValueError: it is no CMS message with one signer and one certificate.
    """
    message = cms.ContentInfo.load(content[: _der_length(content)])
    rebuilt = _rebuilt(message["content"])
    return b"<" + binascii.hexlify(rebuilt).upper().ljust(gap_length - 2, b"0") + b">"


def _rebuilt(signed: cms.SignedData) -> bytes:
    if len(signed["signer_infos"]) != 1 or len(signed["certificates"]) != 1:
        raise ValueError("the signature has not exactly one signer and one certificate")
    signer, certificate = signed["signer_infos"][0], signed["certificates"][0].chosen
    data = {
        "version": "v1",
        "digest_algorithms": [{"algorithm": "sha256"}],
        "encap_content_info": {"content_type": "data"},
        "certificates": [certificate],
        "signer_infos": [
            {
                "version": "v1",
                "sid": {
                    "issuer_and_serial_number": {
                        "issuer": certificate.issuer,
                        "serial_number": certificate.serial_number,
                    }
                },
                "digest_algorithm": {"algorithm": "sha256"},
                "signed_attrs": signer["signed_attrs"],
                "signature_algorithm": {"algorithm": "sha256_rsa"},
                "signature": signer["signature"].native,
            }
        ],
    }
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)}).dump()


def _der_length(content: bytes) -> int:
    """Length of the DER value at the start, its header included (X.690 § 8.1.3)."""
    if content[1] < 0x80:
        return 2 + content[1]
    digits = content[1] & 0x7F
    return 2 + digits + int.from_bytes(content[2 : 2 + digits], "big")
