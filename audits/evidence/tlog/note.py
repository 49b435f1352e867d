"""Signed notes (C2SP signed-note): a text, an empty line, and lines with signatures."""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ED25519, COSIGNATURE = 0x01, 0x04
"""Kinds of keys: of a log, and of a witness (C2SP tlog-cosignature)."""


class ProofError(ValueError):
    """A note, checkpoint or proof that doesn't hold; the message says why."""


@dataclass(frozen=True)
class VerifierKey:
    """Who signs, and with what; published as `name+hash+key`."""

    name: str
    public: Ed25519PublicKey
    kind: int = ED25519

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """What `str` gave.

        Raises:
            ProofError: it is of another form, or its hash does not fit.
        """
        try:
            name, stated, encoded = text.strip().split("+", 2)
            raw = base64.b64decode(encoded, validate=True)
            found = cls(name, Ed25519PublicKey.from_public_bytes(raw[1:]), raw[0])
        except (ValueError, IndexError) as error:
            raise ProofError("the log key is not of the form name+hash+key") from error
        if found.kind not in (ED25519, COSIGNATURE) or str(found) != text.strip() or found.hash.hex() != stated:
            raise ProofError("the log key's hash does not fit the key")
        return found

    def __str__(self) -> str:
        return f"{self.name}+{self.hash.hex()}+{base64.b64encode(self._encoded()).decode()}"

    @property
    def hash(self) -> bytes:
        """The four bytes by which a signature names its key."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._encoded()).digest()[:4]

    def signature_line(self, signature: bytes) -> str:
        """The line that a signature is in a note."""
        return f"— {self.name} {base64.b64encode(self.hash + signature).decode()}\n"

    def signatures_in(self, note: str) -> list[bytes]:
        """What stands in a note as this key's signatures; whether one fits is for `verify_in`."""
        found = []
        for line in note.partition("\n\n")[2].splitlines():
            prefix, _, encoded = line.rpartition(" ")
            try:
                signature = base64.b64decode(encoded, validate=True)
            except ValueError:
                continue  # somebody else's line, in whatever form
            if prefix == f"— {self.name}" and signature[:4] == self.hash:
                found.append(signature[4:])
        return found

    def verify_in(self, note: str, message: str) -> None:
        """Raise ProofError unless a signature in the note is this key's, of this message."""
        signatures = self.signatures_in(note)
        if not signatures:
            raise ProofError(f"the checkpoint carries no signature by the key {self.name}+{self.hash.hex()}")
        if not any(self.fits(signature, message) for signature in signatures):
            raise ProofError("the checkpoint's signature is wrong")

    def fits(self, signature: bytes, message: str) -> bool:
        """Whether a signature is this key's, of this message."""
        try:
            self.public.verify(signature, message.encode())
        except InvalidSignature:
            return False
        return True

    def _encoded(self) -> bytes:
        return bytes([self.kind]) + self.public.public_bytes_raw()
