"""Checkpoints of a log (C2SP tlog-checkpoint), and offline proofs that it contains something (C2SP tlog-proof)."""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits.evidence.tlog.merkle import root_from_proof
from audits.evidence.tlog.note import ProofError, VerifierKey

_PROOF_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Checkpoint:
    """A log's size and root at one moment."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, note: str) -> "Checkpoint":
        """What a signed note says; nothing is verified.

        Raises:
            ProofError: it is malformed.
        """
        body, separator, _ = note.partition("\n\n")
        try:
            origin, size, root = body.split("\n")
            found = cls(origin, int(size), base64.b64decode(root, validate=True))
        except ValueError as error:
            raise ProofError("the checkpoint is malformed") from error
        if found.body() != body + "\n" or not separator or found.size < 0:
            raise ProofError("the checkpoint is malformed")
        return found

    def body(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def verifier_key(origin: str, key: Ed25519PrivateKey) -> VerifierKey:
    """The key of a log as it is published."""
    return VerifierKey(origin, key.public_key())


def sign(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """A signed note."""
    body = checkpoint.body()
    return f"{body}\n{verifier_key(checkpoint.origin, key).signature_line(key.sign(body.encode()))}"


def open_note(note: str, key: VerifierKey) -> Checkpoint:
    """Check a signed note against the log's key and read its checkpoint. Other signatures don't matter.

    Raises:
        ProofError: it is malformed, of another log, or its signature is wrong.
    """
    checkpoint = Checkpoint.parse(note)
    if checkpoint.origin != key.name:
        raise ProofError(f"the checkpoint is of the log {checkpoint.origin!r}, the key of {key.name!r}")
    key.verify_in(note, checkpoint.body())
    return checkpoint


def offline_proof(index: int, proof: Iterable[bytes], note: str) -> str:
    """A self-contained proof that an entry is in the log."""
    return "\n".join([_PROOF_HEADER, f"index {index}", *map(encoded, proof)]) + "\n\n" + note


def note_of_proof(text: str) -> str:
    """The checkpoint that an offline proof leads to, as a signed note."""
    return text.partition("\n\n")[2]


def check_offline_proof(text: str, leaf: bytes, key: VerifierKey) -> tuple[int, Checkpoint]:
    """Check that a leaf hash is in the log that `key` signs. Returns its index and the checkpoint.

    Raises:
        ProofError: it is not, or the proof is malformed.
    """
    head, _, note = text.partition("\n\n")
    try:
        header, index_line, *lines = head.split("\n")
        word, number = index_line.split(" ")
        index = int(number)
    except ValueError as error:
        raise ProofError("the inclusion proof is malformed") from error
    proof = decoded(lines)
    if (header, f"{word} {number}") != (_PROOF_HEADER, f"index {index}"):
        raise ProofError("the inclusion proof is malformed")
    checkpoint = open_note(note, key)
    try:
        root = root_from_proof(leaf, index, checkpoint.size, proof)
    except ValueError as error:
        raise ProofError(str(error)) from error
    if root != checkpoint.root:
        raise ProofError("the inclusion proof does not lead to the checkpoint's root")
    return index, checkpoint


def encoded(node: bytes) -> str:
    """A hash as a line of a proof."""
    return base64.b64encode(node).decode()


def decoded(lines: Sequence[str]) -> list[bytes]:
    """The hashes of a proof's lines.

    Raises:
        ProofError: a line is no hash, or not in its one spelling.
    """
    try:
        nodes = [base64.b64decode(line, validate=True) for line in lines]
    except ValueError as error:
        raise ProofError("the proof is malformed") from error
    if [encoded(node) for node in nodes] != list(lines) or any(len(node) != 32 for node in nodes):
        raise ProofError("the proof is malformed")
    return nodes
