"""Opening requests. Acceptance and the removal of rows are one transaction."""

from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from audits.evidence import log, sealing
from audits.evidence.periods import due_at
from unlearning.consent.models import ConsentEvent
from unlearning.consent.services import record_consent
from unlearning.lineage.datasets import versions_reached
from unlearning.lineage.models import Interaction, Subject
from unlearning.lineage.subjects import find_subjects, subject_key, suppress, suppressed_among
from unlearning.requests.forget_set import seal_forget_set
from unlearning.requests.models import Request, RequestSubject
from unlearning.requests.states import State


class UnknownSubjects(ValueError):
    """Some identities are not known here. Names their places, never themselves."""

    def __init__(self, places: list[int]):
        super().__init__(f"unknown at places {places}")
        self.places = places


class IdTaken(ValueError):
    """A sender used an id a second time, for something else."""


def _find_erasure(*, identities: Sequence[str], source: str, external_id: str) -> Request | None:
    """The erasure of these subjects that a sender already opened under this id.

    After a request has ended, its subjects can no longer be told from others: then the identities
    must be suppressed ones, and as many.

    Raises:
        IdTaken: the id stands for something else.
    """
    request = Request.objects.filter(source=source, external_id=external_id).first()
    if request is None:
        if ConsentEvent.objects.filter(recorded_by=source, external_id=external_id).exists():
            raise IdTaken
        return None
    members = {member.subject_id for member in request.subjects.all()}
    present = {subject.pk for subject in find_subjects(identities) if subject is not None}
    gone = members - set(Subject.objects.filter(pk__in=members, erased_at=None).values_list("pk", flat=True))
    if (
        request.kind != Request.Kind.ERASE
        or len(identities) != len(members)
        or present != members - gone
        or len(suppressed_among(identities)) != len(members)
    ):
        raise IdTaken
    return request


@transaction.atomic
def erase(*, identities: Sequence[str], regime: str, source: str, external_id: str) -> tuple[Request, bool]:
    """Open an erasure (GDPR art. 17) for subjects whose identity the sender has established.

    Sent again under the same id, it is found and nothing is done.

    In one transaction: the request is accepted, the subjects' rows leave the live tables for the
    request's sealed forget set, their identities are suppressed, and the log says so.

    Returns:
        The request, and whether this is the first time.

    Raises:
        UnknownSubjects: nothing is done.
        IdTaken: the id stands for something else; nothing is done.
    """
    _lock_id(source, external_id)
    known = _find_erasure(identities=identities, source=source, external_id=external_id)
    if known:
        return known, False
    subjects = _known(identities)
    locked = list(Subject.objects.select_for_update().filter(pk__in=[s.pk for s in subjects]).order_by("pk"))
    for identity in identities:
        suppress(identity)
    request = _create(Request.Kind.ERASE, regime=regime, source=source, external_id=external_id)
    rows = Interaction.objects.filter(subject__in=locked)
    _accept(request, locked, rows, erased_subjects=[s.learning_key for s in locked])
    return request, True


@transaction.atomic
def move_slider(
    *, identity: str, share_percent: int, regime: str, channel: str, source: str, external_id: str
) -> tuple[Request | None, bool]:
    """Record a new share ratio. Lowering it opens an unshare request for exactly what it uncovers.

    Sent again under the same id, it is found and nothing is done.

    Returns:
        The request, or None where nothing that is shared is uncovered; and whether this is the first time.

    Raises:
        UnknownSubjects: nothing is done.
        IdTaken: the id stands for something else; nothing is done.
    """
    (subject,) = _known([identity])
    _lock_id(source, external_id)
    request = Request.objects.filter(source=source, external_id=external_id).first()
    event = ConsentEvent.objects.filter(recorded_by=source, external_id=external_id).first()
    if event is not None:
        if (event.subject_id, event.share_percent) != (subject.pk, share_percent):
            raise IdTaken
        return request, False
    if request is not None:
        raise IdTaken
    subject = Subject.objects.select_for_update().get(pk=subject.pk)
    before = subject.consent.share_percent if hasattr(subject, "consent") else 0
    record_consent(
        subject=subject, share_percent=share_percent, channel=channel, recorded_by=source, external_id=external_id
    )
    rows = Interaction.objects.filter(subject=subject, rank__gte=share_percent / 100)
    if share_percent >= before or not rows.exists():
        return None, True
    request = _create(
        Request.Kind.UNSHARE,
        regime=regime,
        source=source,
        external_id=external_id,
        share_percent_before=before,
        share_percent_after=share_percent,
    )
    _accept(request, [subject], rows, erased_subjects=[])
    return request, True


def move(request: Request, state: State) -> None:
    """Change a request's state; the database refuses what the transition table does not list."""
    request.state = state
    request.save(update_fields=["state"])


def _lock_id(source: str, external_id: str) -> None:
    """Let one at a time decide what a sender's id stands for; until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{source} {external_id}"])


def _known(identities: Sequence[str]) -> list[Subject]:
    found = find_subjects(identities)
    unknown = [place for place, subject in enumerate(found) if subject is None]
    if unknown:
        raise UnknownSubjects(unknown)
    return [subject for subject in found if subject is not None]


def _create(kind: str, *, regime: str, source: str, external_id: str, **slider: int) -> Request:
    now = timezone.now()
    return Request.objects.create(
        kind=kind,
        regime=regime,
        source=source,
        external_id=external_id,
        received_at=now,
        due_at=due_at(regime, now),
        **slider,
    )


def _accept(request: Request, subjects: list[Subject], rows: QuerySet[Interaction], erased_subjects: list[int]) -> None:
    """Take the rows out of the live tables and into the sealed forget set."""
    RequestSubject.objects.bulk_create(
        [
            RequestSubject(
                request=request,
                subject=subject,
                commitment=sealing.commitment(subject_key(subject), f"request {request.id}"),
            )
            for subject in subjects
        ]
    )
    taken = list(rows.select_related("subject", "item").select_for_update(of=("self",)))
    seal_forget_set(request, taken, erased_subjects)
    if taken:
        request.reached.set(versions_reached(min(row.shared_from for row in taken)))
    Interaction.objects.filter(pk__in=[row.pk for row in taken]).delete()
    request.rows_removed = len(taken)
    request.rows_removed_at = timezone.now()
    request.state = State.ACCEPTED
    request.save(update_fields=["rows_removed", "rows_removed_at", "state"])
    log.append(
        "request.accepted",
        {
            "commitments": sorted(s.commitment for s in request.subjects.all()),
            "kind": request.kind,
            "regime": request.regime,
            "request": str(request.id),
            "rows_removed": request.rows_removed,
        },
    )
