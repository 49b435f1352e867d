"""What a report carries: its document and the proof, each once, and nothing that runs or hides."""

import io
from collections.abc import Iterator
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.xref import ObjStreamRef

from audits.reports.verify.errors import CheckFailed

EVIDENCE_NAME, PROOF_NAME = "evidence.json", "evidence.tlog-proof"
_NAMES = [EVIDENCE_NAME, PROOF_NAME]
_ACTIVE = ("/OpenAction", "/AA", "/JS", "/JavaScript", "/XFA")


def attached(reader: PdfFileReader) -> dict[str, bytes]:
    """Both attachments, by name.

    Raises:
        CheckFailed: there is another, one stands there twice or under two names, or something in the file runs.
    """
    names = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
    specifications = [names[place] for place in range(1, len(names), 2)]
    stated = [(str(one["/F"]), str(one["/UF"]), sorted(one["/EF"])) for one in specifications]
    if stated != [(name, name, ["/F"]) for name in _NAMES]:
        raise CheckFailed(
            f"the attachments are {[one[0] for one in stated]} instead of {EVIDENCE_NAME} and {PROOF_NAME}"
        )
    kinds = [one.get("/Type") for one in _dictionaries(reader)]
    if kinds.count("/Filespec") != len(_NAMES) or kinds.count("/EmbeddedFile") != len(_NAMES):
        raise CheckFailed("the file carries more than its two attachments")
    return {str(one["/F"]): one["/EF"]["/F"].data for one in specifications}


def _dictionaries(reader: PdfFileReader) -> Iterator[dict[str, Any]]:
    """Every dictionary of the file, those within others included."""
    waiting = list(every_object(reader))
    while waiting:
        one = waiting.pop()
        if isinstance(one, generic.DictionaryObject):
            if any(name in one for name in _ACTIVE) or one.get("/Subtype") == "/FileAttachment":
                raise CheckFailed("the file carries something that runs, or a hidden attachment")
            yield one
            waiting += [value for value in dict.values(one) if not isinstance(value, generic.IndirectObject)]
        elif isinstance(one, generic.ArrayObject):
            waiting += [value for value in list.__iter__(one) if not isinstance(value, generic.IndirectObject)]


def every_object(reader: PdfFileReader) -> Iterator[Any]:
    """Every object of the file; each object stream is read once, where the reader would read it for each object."""
    streams = set()
    for revision in range(reader.xrefs.total_revisions):
        for reference in reader.xrefs.explicit_refs_in_revision(revision):
            place = reader.xrefs.get_historical_ref(reference, revision)
            if isinstance(place, ObjStreamRef):
                streams.add(place.obj_stream_id)
            else:
                yield reader.get_object(reference, revision=revision)
    for number in streams:
        stream = generic.Reference(number, 0, reader).get_object()
        content, first = stream.data, int(stream["/First"])
        # Pairs of an object's number and its place behind the first (ISO 32000-1, 7.5.7).
        for place in content[:first].split()[1 : 2 * int(stream["/N"]) : 2]:
            yield generic.read_object(io.BytesIO(content[first + int(place) :]), generic.Reference(number, 0, reader))
