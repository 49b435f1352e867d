"""A certification authority, its revocation list and a time-stamping authority, over real HTTP on this machine."""

import datetime
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

_DAY = datetime.timedelta(days=1)


class Authority:
    """Serves `/crl` and `/tsa` until it is closed."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._root_key = ec.generate_private_key(ec.SECP256R1())
        self.root = self._certificate("Test root", self._root_key.public_key(), root=True)
        tsa_key = rsa.generate_private_key(65537, 2048)
        tsa = self._certificate("Test time stamps", tsa_key.public_key(), stamps=True)
        chain = SimpleCertificateStore()
        chain.register(_asn1(self.root))  # more than the one certificate that a report keeps
        self._stamper = DummyTimeStamper(_asn1(tsa), asn1_keys.PrivateKeyInfo.load(_der(tsa_key)), chain)
        self.trust = folder / "trust.pem"
        self.trust.write_bytes(self.root.public_bytes(serialization.Encoding.PEM))
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def issue(self, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
        """A signer's certificate in PEM."""
        return self._certificate("Test signer", key.public_key()).public_bytes(serialization.Encoding.PEM)

    def _certificate(self, name: str, key: object, root: bool = False, stamps: bool = False) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if root else self.root.subject
        now = datetime.datetime.now(datetime.UTC)
        points = [x509.DistributionPoint([x509.UniformResourceIdentifier(f"{self.address}/crl")], None, None, None)]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + 30 * _DAY)
            .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
            .add_extension(_usage(root), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._root_key.public_key()), critical=False
            )
        )
        if not root:
            builder = builder.add_extension(x509.CRLDistributionPoints(points), critical=False)
        if stamps:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        return builder.sign(self._root_key, hashes.SHA256())

    def _revoked(self) -> bytes:
        now = datetime.datetime.now(datetime.UTC)
        revoked = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.root.subject)
            .last_update(now - _DAY)
            .next_update(now + _DAY)
        )
        return revoked.sign(self._root_key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def _handler(authority) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer("application/pkix-crl", authority._revoked())

            def do_POST(self) -> None:
                request = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"])))
                self._answer("application/timestamp-reply", authority._stamper.request_tsa_response(request).dump())

            def _answer(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        return Handler


def _usage(root: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=not root,
        key_cert_sign=root,
        crl_sign=root,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def _der(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
