"""The one spelling that a signature has in a report.

A signature can't cover its own bytes, and CMS (RFC 5652) has fields beside it that nobody signs. So that no byte of a
report can be changed unnoticed, the container is rebuilt from what is signed, the certificate and the signature, and
must come out the same. The same goes for the time stamp (RFC 3161) that stands in it.
"""

import binascii

from asn1crypto import algos, cms, tsp, x509

_TIME_STAMP = "signature_time_stamp_token"


def canonical_contents(gap_length: int, content: bytes) -> bytes:
    """What must stand between the signed ranges of the PDF.

    Args:
        gap_length: its length in bytes, delimiters and padding included.
        content: the CMS message that is there, padding included.

    Raises:
        ValueError: it is no CMS message with one signer and one certificate.
    """
    message = cms.ContentInfo.load(content[: _der_length(content)])
    return b"<" + binascii.hexlify(canonical_message(message).dump()).upper().ljust(gap_length - 2, b"0") + b">"


def canonical_message(message: cms.ContentInfo) -> cms.ContentInfo:
    """A signed message with nothing in it that could be otherwise: one signer, whose certificate alone is there.

    Raises:
        ValueError: it has not one signer whose certificate is there, or another key than RSA or elliptic curve.
    """
    signed: cms.SignedData = message["content"]
    if len(signed["signer_infos"]) != 1:
        raise ValueError("the signature has not exactly one signer")
    signer = signed["signer_infos"][0]
    certificate = _certificate_of(signer, signed["certificates"])
    digest = signer["digest_algorithm"]["algorithm"].native
    info = {
        "version": "v1",
        "sid": {
            "issuer_and_serial_number": {
                "issuer": certificate.issuer,
                "serial_number": certificate.serial_number,
            }
        },
        "digest_algorithm": {"algorithm": digest},
        "signed_attrs": signer["signed_attrs"],
        "signature_algorithm": _signature_algorithm(certificate, digest),
        "signature": signer["signature"].native,
    }
    token = time_stamp_of(signer)
    if token is not None:
        attribute = {"type": _TIME_STAMP, "values": cms.SetOfContentInfo([canonical_message(token)])}
        info["unsigned_attrs"] = [cms.CMSAttribute(attribute)]
    content = signed["encap_content_info"]
    stamped = content["content_type"].native == "tst_info"
    data = {
        "version": "v3" if stamped else "v1",
        "digest_algorithms": [{"algorithm": digest}],
        "encap_content_info": content if stamped else {"content_type": "data"},
        "certificates": [certificate],
        "signer_infos": [info],
    }
    return cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData(data)})


def time_stamp_of(signer: cms.SignerInfo) -> cms.ContentInfo | None:
    """The time stamp beside a signature.

    Raises:
        ValueError: there is something else beside it.
    """
    attributes = signer["unsigned_attrs"]
    if not attributes:
        return None
    if len(attributes) != 1 or attributes[0]["type"].native != _TIME_STAMP or len(attributes[0]["values"]) != 1:
        raise ValueError("something else than a time stamp stands beside the signature")
    return attributes[0]["values"][0]


def stamped_at(token: cms.ContentInfo) -> tsp.TSTInfo:
    """What a time stamp says."""
    return token["content"]["encap_content_info"]["content"].parsed


def _certificate_of(signer: cms.SignerInfo, certificates: cms.CertificateSet) -> x509.Certificate:
    sid = signer["sid"].chosen
    for choice in certificates:
        found = choice.chosen
        if isinstance(sid, cms.IssuerAndSerialNumber):
            if (found.issuer, found.serial_number) == (sid["issuer"], sid["serial_number"].native):
                return found
        elif found.key_identifier == sid.native:
            return found
    raise ValueError("the signer's certificate is not there")


def _signature_algorithm(certificate: x509.Certificate, digest: str) -> algos.SignedDigestAlgorithm:
    kinds = {"rsa": f"{digest}_rsa", "ec": f"{digest}_ecdsa"}
    kind = certificate.public_key.algorithm
    if kind not in kinds:
        raise ValueError(f"a signature with a key of the kind {kind} has no canonical form here: use RSA or ECDSA")
    return algos.SignedDigestAlgorithm({"algorithm": kinds[kind]})


def _der_length(content: bytes) -> int:
    """Length of the DER value at the start, its header included (X.690 § 8.1.3)."""
    if content[1] < 0x80:
        return 2 + content[1]
    digits = content[1] & 0x7F
    return 2 + digits + int.from_bytes(content[2 : 2 + digits], "big")
