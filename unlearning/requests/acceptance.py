"""Acceptance: in one transaction the rows leave the live tables for the sealed forget sets, and the log says so."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils import timezone

from audits.evidence import log, sealing
from unlearning.lineage.datasets import versions_since
from unlearning.lineage.freezing import stamp
from unlearning.lineage.models import Interaction, Item, Subject
from unlearning.lineage.subjects import delete_samples, subject_key, suppress
from unlearning.lookups import Microseconds
from unlearning.requests import clock
from unlearning.requests.forget_set import WithdrawnRow, first_shared, sealed_forget_set
from unlearning.requests.models import Proposal, Request, RequestSubject, SealedForgetSet
from unlearning.requests.states import State
from unlearning.webhooks import catalogue
from unlearning.webhooks.outbox import emit_each

_CHANGED = ["rows_removed", "rows_removed_at", "state", "held_from", *clock.FIELDS]


@dataclass(frozen=True)
class Withdrawal:
    """What is accepted: a request, and those whom it concerns and who are not erased yet, locked."""

    request: Request
    members: Sequence[RequestSubject]
    subjects: Sequence[Subject]


def withdrawal(request: Request, subjects: Sequence[Subject]) -> Withdrawal:
    """That of a new request, which need not be stored yet."""
    members = [
        RequestSubject(
            request=request,
            subject=subject,
            commitment=sealing.commitment(subject_key(subject), f"request {request.id}"),
        )
        for subject in subjects
    ]
    return Withdrawal(request, members, subjects)


def accept_erasure(request: Request) -> Withdrawal:
    """Accept an erasure whose requester is known to be who they say; as `accept_erasures`."""
    members = list(request.subjects.all())
    found = Subject.objects.filter(pk__in=[member.subject_id for member in members]).order_by("pk")
    subjects = [subject for subject in found.select_for_update() if subject.erased_at is None]
    clock.go_on(request)
    request.held_from = None  # a backup may know it as held
    erasure = Withdrawal(request, members, subjects)
    accept_erasures([erasure])
    lapse_proposals(request)
    return erasure


def accept_erasures(erasures: Sequence[Withdrawal]) -> None:
    """Accept erasures of different subjects, whose requesters are known to be who they say; as `accept`.

    The journal has to have them before the transaction commits, and nothing is to be done after that.
    """
    subjects = [subject for erasure in erasures for subject in erasure.subjects]
    suppress(bytes(subject.identity_digest) for subject in subjects)
    accept(erasures, Interaction.objects.filter(subject__among=[subject.pk for subject in subjects]))


def lapse_proposals(request: Request) -> None:
    """End what was proposed about a request that can no longer be closed."""
    open_ones = request.proposals.filter(decided_at=None)
    open_ones.update(decided_at=timezone.now(), decided_by="–", outcome=Proposal.Outcome.LAPSED)


def accept(withdrawals: Sequence[Withdrawal], rows: QuerySet[Interaction]) -> None:
    """Take the rows out of the live tables and into the sealed forget sets; requests that are new are stored.

    Call it in a transaction that holds the locks of their subjects: nobody else may add rows, or take them.

    Args:
        withdrawals: of different subjects.
        rows: theirs.
    """
    removed_at = stamp()
    taken = _take(rows, {subject.pk: subject for one in withdrawals for subject in one.subjects})
    by_request = {
        one.request.pk: [row for subject in one.subjects for row in taken.get(subject.pk, ())] for one in withdrawals
    }
    for one in withdrawals:
        request = one.request
        request.rows_removed, request.rows_removed_at = len(by_request[request.pk]), removed_at
        request.subject_count = len(one.members)
        request.state = State.ACCEPTED
    _store(withdrawals)
    SealedForgetSet.objects.bulk_create(
        sealed_forget_set(one.request, by_request[one.request.pk], _who_leaves(one)) for one in withdrawals
    )
    _note_versions(by_request)
    delete_samples(member.subject_id for one in withdrawals for member in one.members)
    log.append_each([("request.accepted", _entry(one)) for one in withdrawals])
    emit_each(catalogue.WITHDRAWN, [_told(one) for one in withdrawals])


def _take(rows: QuerySet[Interaction], subjects: Mapping[UUID, Subject]) -> dict[UUID, list[WithdrawnRow]]:
    """Delete rows; what is left of them is what is returned, by subject."""
    # Keys are looked up row by row: PostgreSQL would rather read every item that there is.
    item = Subquery(Item.objects.filter(pk=OuterRef("item")).values("learning_key"))
    found = list(rows.values_list("pk", "subject_id", item, Microseconds("shared_from"), "held_out"))
    Interaction.objects.filter(pk__among=[pk for pk, *_ in found]).delete()
    taken: dict[UUID, list[WithdrawnRow]] = defaultdict(list)
    for _, subject, *known in found:
        taken[subject].append(WithdrawnRow(subjects[subject].learning_key, *known))
    return taken


def _store(withdrawals: Sequence[Withdrawal]) -> None:
    new = [one for one in withdrawals if one.request._state.adding]
    stored = [one.request for one in withdrawals if not one.request._state.adding]
    Request.objects.bulk_create(one.request for one in new)
    RequestSubject.objects.bulk_create(member for one in new for member in one.members)
    for request in stored:
        request.save(update_fields=_CHANGED)


def _who_leaves(one: Withdrawal) -> list[int]:
    """Learning keys of subjects who leave entirely."""
    if one.request.kind != Request.Kind.ERASE:
        return []
    return [subject.learning_key for subject in one.subjects]


def _note_versions(taken: Mapping[UUID, Sequence[WithdrawnRow]]) -> None:
    """Put on record which versions learned from what was taken of each request."""
    since = {request: first_shared(rows) for request, rows in taken.items() if rows}
    if not since:
        return
    versions = versions_since(min(since.values()))
    reached = Request.reached.through
    reached.objects.bulk_create(
        reached(request_id=request, modelversion_id=version)
        for request, shared_from in since.items()
        for version, as_of in versions
        if shared_from <= as_of
    )


def _entry(one: Withdrawal) -> dict[str, object]:
    return {
        "commitments": sorted(member.commitment for member in one.members),
        "kind": one.request.kind,
        "regime": one.request.regime,
        "request": str(one.request.id),
        "rows_removed": one.request.rows_removed,
    }


def _told(one: Withdrawal) -> dict[str, object]:
    return {
        "request": str(one.request.id),
        "kind": one.request.kind,
        "scope": one.request.scope,
        "subjects": [str(member.subject_id) for member in one.members],
    }
