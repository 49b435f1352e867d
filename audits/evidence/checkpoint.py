"""Checkpoints of the log as signed notes (C2SP tlog-checkpoint, signed-note) and offline proofs."""

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audits.evidence.merkle import root_from_proof

_ED25519 = b"\x01"
_PROOF_HEADER = "c2sp.org/tlog-proof@v1"


class ProofError(ValueError):
    """A checkpoint or proof that doesn't hold; the message says why."""


@dataclass(frozen=True)
class Checkpoint:
    """A log's size and root at one moment."""

    origin: str
    size: int
    root: bytes

    def body(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def _key_id(name: str, public: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public).digest()[:4]


def verifier_key(name: str, public: Ed25519PublicKey) -> str:
    """`name+hash+key`, the form in which a log's key is published (C2SP signed-note)."""
    raw = public.public_bytes_raw()
    return f"{name}+{_key_id(name, raw).hex()}+{base64.b64encode(_ED25519 + raw).decode()}"


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """A signed note."""
    body = checkpoint.body()
    public = key.public_key().public_bytes_raw()
    signature = base64.b64encode(_key_id(checkpoint.origin, public) + key.sign(body.encode())).decode()
    return f"{body}\n— {checkpoint.origin} {signature}\n"


def open_note(note: str, key: str) -> Checkpoint:
    """Check a signed note against a verifier key and read its checkpoint.

    Raises:
        ProofError: it is malformed, of another log, or its signature is wrong.
    """
    try:
        name, key_hash, encoded = key.strip().split("+", 2)
        raw = base64.b64decode(encoded, validate=True)
        public = Ed25519PublicKey.from_public_bytes(raw[1:])
    except ValueError as error:
        raise ProofError("the log key is not of the form name+hash+key") from error
    if raw[:1] != _ED25519 or _key_id(name, raw[1:]).hex() != key_hash:
        raise ProofError("the log key's hash does not fit the key")
    try:
        body, signatures = note.split("\n\n", 1)
        origin, size, root = body.split("\n")
        checkpoint = Checkpoint(origin, int(size), base64.b64decode(root, validate=True))
    except ValueError as error:
        raise ProofError("the checkpoint is malformed") from error
    if origin != name or checkpoint.body() != body + "\n":
        raise ProofError(f"the checkpoint is of the log {origin!r}, the key of {name!r}")
    for line in signatures.splitlines():
        dash, _, rest = line.partition(" ")
        signer, _, encoded = rest.rpartition(" ")
        if dash != "—" or signer != name:
            continue
        try:
            signature = base64.b64decode(encoded, validate=True)
            if signature[:4].hex() == key_hash:
                public.verify(signature[4:], checkpoint.body().encode())
                return checkpoint
        except (ValueError, InvalidSignature) as error:
            raise ProofError("the checkpoint's signature is wrong") from error
    raise ProofError("the checkpoint carries no signature by this log key")


def offline_proof(index: int, proof: list[bytes], note: str) -> str:
    """A self-contained proof that an entry is in the log (C2SP tlog-proof)."""
    lines = [_PROOF_HEADER, f"index {index}", *(base64.b64encode(node).decode() for node in proof)]
    return "\n".join(lines) + "\n\n" + note


def check_offline_proof(text: str, leaf: bytes, key: str) -> tuple[int, Checkpoint]:
    """Check that a leaf hash is in the log that `key` signs. Returns its index and the checkpoint.

    Raises:
        ProofError: it is not, or the proof is malformed.
    """
    try:
        head, note = text.split("\n\n", 1)
        header, index_line, *encoded = head.split("\n")
        word, number = index_line.split(" ")
        index = int(number)
        proof = [base64.b64decode(line, validate=True) for line in encoded]
    except ValueError as error:
        raise ProofError("the inclusion proof is malformed") from error
    canonical = [_PROOF_HEADER, f"index {index}", *(base64.b64encode(node).decode() for node in proof)]
    if (header, word) != (_PROOF_HEADER, "index") or canonical != [header, index_line, *encoded]:
        raise ProofError("the inclusion proof is malformed")
    checkpoint = open_note(note, key)
    try:
        root = root_from_proof(leaf, index, checkpoint.size, proof)
    except ValueError as error:
        raise ProofError(str(error)) from error
    if root != checkpoint.root:
        raise ProofError("the inclusion proof does not lead to the checkpoint's root")
    return index, checkpoint
