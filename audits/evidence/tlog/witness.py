"""Witnesses: they remember how far a log had come, and refuse a fork (C2SP tlog-witness, tlog-cosignature).

A log that its holder rewrites shows one past to one reader and another to the next. A witness cosigns a checkpoint
only once it is proven to contain the last one that it cosigned, so two pasts can't both be cosigned. What it
remembers lies in a folder. Whoever can write there, and has its key, is the witness: against a log's holder it has to
be somebody else's.
"""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audits.evidence.tlog.checkpoint import Checkpoint, decoded, encoded, open_note
from audits.evidence.tlog.merkle import EMPTY_ROOT, assert_consistent
from audits.evidence.tlog.note import COSIGNATURE, ProofError, VerifierKey

_SIGNATURE_BYTES = 64


class UnknownLog(LookupError):
    """The witness does not watch this log."""


class Stale(ValueError):
    """The proof starts from another size than the witness has come to."""

    def __init__(self, size: int):
        super().__init__(f"the last checkpoint that was cosigned has {size} entries: prove from there")
        self.size = size


class Fork(ValueError):
    """The log does not continue the one that was cosigned."""


class Witness:
    """A witness with a key and a memory."""

    def __init__(self, name: str, key: Ed25519PrivateKey, logs: Iterable[VerifierKey], folder: Path):
        """
        Args:
            name: under which it cosigns.
            logs: keys of the logs that it watches; several of one log are its earlier and present ones.
            folder: what it remembers; made if it isn't there.
        """
        self.key = VerifierKey(name, key.public_key(), COSIGNATURE)
        self._private, self._folder = key, folder
        self._logs = [*logs]
        folder.mkdir(parents=True, exist_ok=True)

    def add_checkpoint(self, old: int, proof: Sequence[bytes], note: str) -> str:
        """Cosign a checkpoint that continues the last one. Returns the cosignature's line.

        Args:
            old: size of the last checkpoint that was cosigned; 0 if there was none.
            proof: consistency proof from there.
            note: the signed checkpoint.

        Raises:
            UnknownLog: none of the keys signed it.
            ProofError: it is malformed.
            Stale: `old` is not where this witness is.
            Fork: the checkpoint does not continue the last one; it is kept beside it, as evidence.
        """
        checkpoint, key = self._opened(note)
        if old > checkpoint.size:
            raise ProofError(f"the request proves from {old}, and the checkpoint has {checkpoint.size} entries")
        # Whatever else stands in the note is not remembered: anyone may have written it.
        kept = f"{checkpoint.body()}\n" + "".join(
            key.signature_line(signature)
            for signature in key.signatures_in(note)
            if key.fits(signature, checkpoint.body())
        )
        with self._locked(checkpoint.origin) as file:
            last = self._last(file)
            size, root = (last.size, last.root) if last else (0, EMPTY_ROOT)
            if old != size:
                raise Stale(size)
            try:
                assert_consistent(size, root, checkpoint.size, checkpoint.root, proof)
            except ValueError as error:
                if checkpoint.size == size:
                    _write(file.with_suffix(f".fork-at-{size}"), kept)
                raise Fork(f"{checkpoint.origin} at {checkpoint.size} does not continue {size}: {error}") from error
            line = self._cosigned(checkpoint)
            _write(file, kept + line)
            return line

    def last(self, origin: str) -> Checkpoint | None:
        """The checkpoint of a log that was cosigned last."""
        return self._last(self._file(origin))

    def _opened(self, note: str) -> tuple[Checkpoint, VerifierKey]:
        """The checkpoint, and which of the log's keys signed it."""
        stated = Checkpoint.parse(note)
        keys = [key for key in self._logs if key.name == stated.origin]
        if not keys:
            raise UnknownLog(f"the log {stated.origin!r} is not watched here")
        for key in keys:
            try:
                return open_note(note, key), key
            except ProofError as error:
                wrong = error
        raise wrong

    def _cosigned(self, checkpoint: Checkpoint) -> str:
        moment = int(time.time())
        signature = self._private.sign(_statement(checkpoint, moment).encode())
        return self.key.signature_line(moment.to_bytes(8, "big") + signature)

    @contextmanager
    def _locked(self, origin: str) -> Iterator[Path]:
        file = self._file(origin)
        with file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield file

    def _file(self, origin: str) -> Path:
        return self._folder / f"{hashlib.sha256(origin.encode()).hexdigest()[:16]}.note"

    def _last(self, file: Path) -> Checkpoint | None:
        if not file.exists():
            return None
        note = file.read_text()
        # What it remembers counts only if it has signed it: storage may be altered too.
        check_cosignature(note, self.key)
        return Checkpoint.parse(note)


def check_cosignature(note: str, key: VerifierKey) -> datetime:
    """The moment at which a witness cosigned the checkpoint of a note.

    Raises:
        ProofError: it did not.
    """
    if key.kind != COSIGNATURE:
        raise ProofError("the key is not a witness's")
    checkpoint = Checkpoint.parse(note)
    signatures = key.signatures_in(note)
    if not signatures:
        raise ProofError(f"the checkpoint carries no signature by the key {key.name}+{key.hash.hex()}")
    for signed in signatures:
        moment = int.from_bytes(signed[:8], "big")
        if len(signed) == 8 + _SIGNATURE_BYTES and key.fits(signed[8:], _statement(checkpoint, moment)):
            return datetime.fromtimestamp(moment, UTC)
    raise ProofError("the cosignature is wrong")


def request_text(old: int, proof: Iterable[bytes], note: str) -> str:
    """The body of C2SP tlog-witness' add-checkpoint."""
    return "\n".join([f"old {old}", *map(encoded, proof)]) + "\n\n" + note


def parse_request(text: str) -> tuple[int, list[bytes], str]:
    """What `request_text` wrote: size, proof and note.

    Raises:
        ProofError: it is malformed.
    """
    head, _, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    word, _, number = first.partition(" ")
    if word != "old" or not number.isdecimal() or len(number) > 18 or not note:
        raise ProofError("the request is malformed: it begins with `old SIZE`, and a checkpoint follows an empty line")
    return int(number), decoded(lines), note


def _statement(checkpoint: Checkpoint, moment: int) -> str:
    return f"cosignature/v1\ntime {moment}\n{checkpoint.body()}"


def _write(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
