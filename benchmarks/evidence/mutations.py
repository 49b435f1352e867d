"""What a forger might do to a report. Each gives files that must not verify; a reader brings the same trust to all."""

import copy
import io
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from pyhanko.pdf_utils.generic import StreamObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer

from audits.evidence.canonical import canonical_json
from audits.evidence.document import canonical_digest, log_entry
from audits.evidence.tlog.checkpoint import Checkpoint, offline_proof, sign
from audits.evidence.tlog.merkle import Growth, inclusion_proof, leaf_hash
from audits.evidence.tlog.witness import Fork, Witness
from audits.reports.signer import make_signer
from audits.reports.signing import sign_pdf

Document = dict[str, Any]


@dataclass(frozen=True)
class Forger:
    """What a forger holds: the report, its parts, the signer's key, and even the log's."""

    report: bytes
    document: Document
    proof: str
    unsigned: bytes
    log_key: Ed25519PrivateKey
    other_key: Ed25519PrivateKey
    witness: Witness
    entries: list[bytes]
    """Leaf hashes of the true log."""

    @cached_property
    def plain(self) -> bytes:
        """The unsigned report without object streams, which are slow to read over and over."""
        reader = PdfFileReader(io.BytesIO(self.unsigned))
        buffer = io.BytesIO()
        copy_into_new_writer(reader, {"stream_xrefs": False}).write(buffer)
        return buffer.getvalue()


def flipped_bits(forger: Forger, generator: random.Random) -> Iterator[bytes]:
    """One bit anywhere in the file."""
    while True:
        damaged = bytearray(forger.report)
        damaged[generator.randrange(len(damaged))] ^= 1 << generator.randrange(8)
        yield bytes(damaged)


def overwritten_runs(forger: Forger, generator: random.Random) -> Iterator[bytes]:
    """Some bytes in a row, by others."""
    while True:
        damaged = bytearray(forger.report)
        length = generator.randrange(2, 200)
        start = generator.randrange(len(damaged) - length)
        replaced = generator.randbytes(length)
        if damaged[start : start + length] != replaced:
            damaged[start : start + length] = replaced
            yield bytes(damaged)


def cut_off(forger: Forger, generator: random.Random) -> Iterator[bytes]:
    """The file ends early."""
    while True:
        yield forger.report[: generator.randrange(len(forger.report))]


def put_in(forger: Forger, generator: random.Random) -> Iterator[bytes]:
    """Bytes put in somewhere, or behind the end."""
    while True:
        place = generator.choice([generator.randrange(len(forger.report)), len(forger.report)])
        yield forger.report[:place] + generator.randbytes(generator.randrange(1, 50)) + forger.report[place:]


def updated_after_signing(forger: Forger, generator: random.Random) -> Iterator[bytes]:
    """An incremental update behind the signature: a note on a page, a changed title, another attachment."""
    while True:
        writer = IncrementalPdfFileWriter(io.BytesIO(forger.report), strict=False)
        number = generator.randrange(10**9)
        if generator.random() < 0.5:
            writer.root["/Forged"] = writer.add_object(StreamObject(stream_data=str(number).encode()))
        else:
            writer.root["/PageLabels"] = writer.add_object(StreamObject(stream_data=str(number).encode()))
        writer.update_root()
        buffer = io.BytesIO()
        writer.write(buffer)
        yield buffer.getvalue()


def swapped_attachments(forger: Forger, generator: random.Random) -> Iterator[bytes]:
    """The document of one report in the pages and with the proof of another, or proof and document swapped; signed."""
    while True:
        other = _edited(forger.document, generator)
        pairs = [
            (canonical_json(other), forger.proof.encode()),
            (forger.proof.encode(), canonical_json(forger.document)),
            (canonical_json(forger.document), canonical_json(other)),
        ]
        yield with_attachments(forger, *generator.choice(pairs))


def edited_and_signed(forger: Forger, generator: random.Random) -> Iterator[bytes]:
    """A number edited, every digest in the document computed anew, and signed by the true signer."""
    while True:
        document = _edited(forger.document, generator)
        yield with_attachments(forger, canonical_json(document), forger.proof.encode())


def signed_by_another(forger: Forger, generator: random.Random) -> Iterator[bytes]:
    """The true document and proof, signed with a key of the forger's own whose certificate reads like the true one."""
    true_keys = settings.KEYS
    while True:
        with TemporaryDirectory() as folder:
            settings.KEYS = Path(folder)
            make_signer()
            signed = sign_pdf(forger.unsigned)
        settings.KEYS = true_keys
        yield signed


def proof_of_another_log(forger: Forger, generator: random.Random) -> Iterator[bytes]:
    """The edited document in a log of the forger's own, which calls itself by the same name."""
    while True:
        document = _edited(forger.document, generator)
        proof = _proof(_leaves(generator, 50), document, forger.other_key, document["log"]["origin"])
        yield with_attachments(forger, canonical_json(document), proof.encode())


def truncated_log(forger: Forger, generator: random.Random) -> Iterator[bytes]:
    """The true document, proven by a checkpoint of the log before it was there; the log's holder signs it."""
    origin = forger.document["log"]["origin"]
    while True:
        size = generator.randrange(1, len(forger.entries))
        stored, tree = _tree(forger.entries[:size])
        note = sign(Checkpoint(origin, size, tree.root()), forger.log_key)
        proof = inclusion_proof(generator.randrange(size), size, stored)
        text = offline_proof(generator.randrange(size), proof, note)
        yield with_attachments(forger, canonical_json(forger.document), text.encode())


def fork(forger: Forger, generator: random.Random) -> Iterator[bytes]:
    """The edited document in a fork that the log's holder signs; the witness was asked, and refused."""
    origin = forger.document["log"]["origin"]
    while True:
        document = _edited(forger.document, generator)
        leaves = [*forger.entries[:-1], leaf_hash(canonical_json(log_entry(document)))]
        stored, tree = _tree(leaves)
        note = sign(Checkpoint(origin, len(leaves), tree.root()), forger.log_key)
        with suppress(Fork):  # so the forger hands it out without the cosignature
            note += forger.witness.add_checkpoint(len(leaves), [], note)
        index = len(leaves) - 1
        proof = offline_proof(index, inclusion_proof(index, len(leaves), stored), note)
        yield with_attachments(forger, canonical_json(document), proof.encode())


def garbage(forger: Forger, generator: random.Random) -> Iterator[bytes]:
    """A million bytes of anything, some behind a PDF's header."""
    while True:
        yield generator.choice([b"", b"%PDF-1.7\n"]) + generator.randbytes(1_000_000)


MUTATIONS: dict[str, tuple[Callable[[Forger, random.Random], Iterator[bytes]], int]] = {
    "a bit flipped anywhere": (flipped_bits, 7000),
    "bytes overwritten": (overwritten_runs, 1000),
    "the end cut off": (cut_off, 500),
    "bytes put in, or behind the end": (put_in, 500),
    "an incremental update after signing": (updated_after_signing, 200),
    "attachments swapped, signed anew": (swapped_attachments, 200),
    "a number edited, hashes computed anew, signed anew": (edited_and_signed, 200),
    "signed anew with another key": (signed_by_another, 50),
    "a proof from another log of the same name": (proof_of_another_log, 100),
    "a truncated log, signed by its holder": (truncated_log, 100),
    "a fork, signed by its holder": (fork, 100),
    "a million bytes of garbage": (garbage, 50),
}
"""What is done, and how many of 10,000."""


def _edited(document: Document, generator: random.Random) -> Document:
    """A number changed, anywhere in the document, and the digests that the document states of itself made to fit."""
    changed = copy.deepcopy(document)
    places = list(_numbers(changed))
    holder, key = generator.choice(places)
    holder[key] += generator.choice([1, -1, 1000])
    assert canonical_digest(changed) != canonical_digest(document)
    return changed


def _numbers(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place of a number: what holds it, and under which key."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        if isinstance(inner, int | float) and not isinstance(inner, bool):
            yield value, key
        else:
            yield from _numbers(inner)


def with_attachments(forger: Forger, evidence: bytes, proof: bytes) -> bytes:
    """The unsigned report with other attachments, signed with the true signer's key."""
    # Written anew as one revision, so that nothing but what the attachments say gives the forgery away.
    writer = copy_into_new_writer(PdfFileReader(io.BytesIO(forger.plain)))
    names = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
    for place, content in ((1, evidence), (3, proof)):
        files = names[place]["/EF"]
        old = files["/F"]
        kept = {name: old.raw_get(name) for name in old if name not in ("/Length", "/Filter")}
        reference = files.raw_get("/F").reference
        writer.objects[(reference.generation, reference.idnum)] = StreamObject(kept, stream_data=content)
    buffer = io.BytesIO()
    writer.write(buffer)
    return sign_pdf(buffer.getvalue())


def _proof(leaves: list[bytes], document: Document, key: Ed25519PrivateKey, origin: str) -> str:
    """That a log of these leaves goes on with the document."""
    leaves = [*leaves, leaf_hash(canonical_json(log_entry(document)))]
    stored, tree = _tree(leaves)
    index = len(leaves) - 1
    note = sign(Checkpoint(origin, len(leaves), tree.root()), key)
    return offline_proof(index, inclusion_proof(index, len(leaves), stored), note)


def _leaves(generator: random.Random, count: int) -> list[bytes]:
    return [generator.randbytes(32) for _ in range(count)]


def _tree(leaves: list[bytes]) -> tuple[Callable[..., dict], Growth]:
    stored: dict = {}
    tree = Growth(0, lambda places: {})
    for leaf in leaves:
        stored.update(tree.add(leaf))
    return (lambda places: {place: stored[place] for place in places}), tree
