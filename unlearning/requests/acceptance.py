"""Acceptance: in one transaction the rows leave the live tables for the sealed forget set, and the log says so."""

from collections.abc import Sequence

from django.db.models import QuerySet
from django.utils import timezone

from audits.evidence import log, sealing
from unlearning.lineage.datasets import versions_reached
from unlearning.lineage.freezing import stamp
from unlearning.lineage.models import Interaction, Subject
from unlearning.lineage.subjects import subject_key, suppress
from unlearning.requests import clock, journal
from unlearning.requests.forget_set import WithdrawnRow, seal_forget_set
from unlearning.requests.models import Proposal, Request, RequestSubject
from unlearning.requests.states import State
from unlearning.webhooks import catalogue
from unlearning.webhooks.outbox import emit


def name_subjects(request: Request, subjects: Sequence[Subject]) -> list[RequestSubject]:
    """Put on record whom a request concerns."""
    return RequestSubject.objects.bulk_create(
        [
            RequestSubject(
                request=request,
                subject=subject,
                commitment=sealing.commitment(subject_key(subject), f"request {request.id}"),
            )
            for subject in subjects
        ]
    )


def accept_erasure(request: Request) -> None:
    """Accept an erasure whose requester is known to be who they say; call it in a transaction."""
    members = list(request.subjects.all())
    found = Subject.objects.filter(pk__in=[member.subject_id for member in members]).order_by("pk")
    subjects = [subject for subject in found.select_for_update() if subject.erased_at is None]
    clock.go_on(request)
    request.held_from = None  # a backup may know it as held
    accept_erasure_of(request, members, subjects)
    lapse_proposals(request)


def accept_erasure_of(request: Request, members: Sequence[RequestSubject], subjects: Sequence[Subject]) -> None:
    """The same, with what the caller has at hand.

    Args:
        members: the request's.
        subjects: those of them who are not erased, locked.
    """
    suppress(bytes(subject.identity_digest) for subject in subjects)
    rows = Interaction.objects.filter(subject__among=[subject.pk for subject in subjects])
    accept(request, members, rows, erased_subjects=[subject.learning_key for subject in subjects])
    journal.write(request, subjects)


def lapse_proposals(request: Request) -> None:
    """End what was proposed about a request that can no longer be closed."""
    open_ones = request.proposals.filter(decided_at=None)
    open_ones.update(decided_at=timezone.now(), decided_by="–", outcome=Proposal.Outcome.LAPSED)


def accept(
    request: Request, members: Sequence[RequestSubject], rows: QuerySet[Interaction], erased_subjects: list[int]
) -> None:
    """Take the rows out of the live tables and into the sealed forget set.

    Call it in a transaction that holds the locks of their subjects: nobody else may add rows, or take them.
    """
    removed_at = stamp()
    taken = _take(rows)
    seal_forget_set(request, taken, erased_subjects)
    if taken:
        request.reached.add(*versions_reached(min(row.shared_from for row in taken)))
    request.rows_removed = len(taken)
    request.rows_removed_at = removed_at
    request.state = State.ACCEPTED
    request.save(update_fields=["rows_removed", "rows_removed_at", "state", "held_from", *clock.FIELDS])
    for member in members:
        member.subject.samples.all().delete()
    log.append(
        "request.accepted",
        {
            "commitments": sorted(member.commitment for member in members),
            "kind": request.kind,
            "regime": request.regime,
            "request": str(request.id),
            "rows_removed": request.rows_removed,
        },
    )
    emit(
        catalogue.WITHDRAWN,
        {
            "request": str(request.id),
            "kind": request.kind,
            "scope": request.scope,
            "subjects": [str(member.subject_id) for member in members],
        },
    )


def _take(rows: QuerySet[Interaction]) -> list[WithdrawnRow]:
    """Delete rows; what is left of them is what is returned."""
    found = list(rows.values_list("pk", "subject__learning_key", "item__learning_key", "shared_from", "held_out"))
    Interaction.objects.filter(pk__among=[pk for pk, *_ in found]).delete()
    return [WithdrawnRow(*known) for _, *known in found]
