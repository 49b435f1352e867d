"""After a restore from a backup: every erasure since is in the journal, and is carried out again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from audits.evidence import log, sealing
from unlearning.lineage.models import Subject, Suppression
from unlearning.requests import acceptance, journal, opening
from unlearning.requests.models import Manner, Request
from unlearning.requests.submissions import Submission

SOURCE = "replay"
_AT_ONCE = 2000


@dataclass
class Replayed:
    """What came of it."""

    lines: int = 0
    suppressed: int = 0
    """Identities put on the suppression list again."""
    accepted: int = 0
    """Requests that were restored as they were before acceptance, and have been accepted again."""
    opened: int = 0
    """Requests that the backup does not know, whose subjects it brought back."""


def replay(progress: Callable[[float], None] = lambda fraction: None) -> Replayed:
    """Repeat every erasure of the journal whose effect the database does not have. Doing it again changes nothing.

    Raises:
        ValueError: a line of the journal is damaged.
    """
    lines = list(journal.lines())
    missing = _missing(lines)
    present = _present({digest for line in missing for digest in line.subjects})
    done = Replayed(lines=len(lines))
    for place, line in enumerate(missing):
        done.suppressed += _suppress(line.suppressions)
        found = [present[digest] for digest in line.subjects if digest in present]
        if found:
            _repeat(line, found, done)
        progress((place + 1) / len(missing))
    return done


def _missing(lines: Sequence[journal.Line]) -> list[journal.Line]:
    """Those whose effect the database does not have; who came back since an erasure that it has stays."""
    removed = Request.objects.exclude(rows_removed_at=None).values_list("pk", "source", "external_id")
    known = {
        external_id if source == SOURCE else str(pk)
        for pk, source, external_id in removed.iterator(chunk_size=_AT_ONCE)
    }
    return [line for line in lines if line.request not in known]


def _present(wanted: set[str]) -> dict[str, Subject]:
    """Subjects who are here and whom the journal names."""
    live = Subject.objects.filter(erased_at=None).iterator(chunk_size=_AT_ONCE)
    named = ((sealing.journal_digest(bytes(subject.identity_digest)).hex(), subject) for subject in live)
    return {digest: subject for digest, subject in named if digest in wanted}


def _suppress(digests: list[str]) -> int:
    raw = [bytes.fromhex(digest) for digest in digests]
    before = Suppression.objects.filter(digest__in=raw).count()
    Suppression.objects.bulk_create([Suppression(digest=digest) for digest in raw], ignore_conflicts=True)
    return len(raw) - before


@transaction.atomic
def _repeat(line: journal.Line, subjects: list[Subject], done: Replayed) -> None:
    known = Request.objects.select_for_update(no_key=True).filter(pk=line.request).first()
    with journal.closed():  # it has this erasure already
        if known is None:
            received_at = datetime.fromisoformat(line.received_at)
            submission = Submission(SOURCE, line.request, line.regime, Manner.REPLAY, received_at)
            request, new = opening.erase(subjects, submission)
            done.opened += new
            if new:
                log.append("request.replayed", {"journal": line.request, "request": str(request.id)})
        elif known.rows_removed_at is None:
            acceptance.accept_erasure(known)
            done.accepted += 1
