"""Opening requests. Acceptance and the removal of rows are one transaction."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audits.evidence import log, sealing
from unlearning.consent.services import record_consent
from unlearning.lineage.datasets import versions_reached
from unlearning.lineage.models import Interaction, Subject
from unlearning.lineage.subjects import find_subjects, subject_key, suppress
from unlearning.requests.deadlines import due_at
from unlearning.requests.forget_set import seal_forget_set
from unlearning.requests.models import Request, RequestSubject
from unlearning.requests.states import State


class UnknownSubjects(ValueError):
    """Some identities are not known here. Names their places, never themselves."""

    def __init__(self, places: list[int]):
        super().__init__(f"unknown at places {places}")
        self.places = places


def find_request(*, source: str, external_id: str) -> Request | None:
    """The request that a sender already opened under this id."""
    return Request.objects.filter(source=source, external_id=external_id).first()


@transaction.atomic
def erase(*, identities: Sequence[str], regime: str, source: str, external_id: str) -> Request:
    """Open an erasure (GDPR art. 17) for subjects whose identity the sender has established.

    In one transaction: the request is accepted, the subjects' rows leave the live tables for the
    request's sealed forget set, their identities are suppressed, and the log says so.

    Raises:
        UnknownSubjects: nothing is done.
    """
    subjects = _known(identities)
    locked = list(Subject.objects.select_for_update().filter(pk__in=[s.pk for s in subjects]).order_by("pk"))
    for identity in identities:
        suppress(identity)
    request = _create(Request.Kind.ERASE, regime=regime, source=source, external_id=external_id)
    rows = Interaction.objects.filter(subject__in=locked)
    _accept(request, locked, rows, erased_subjects=[s.learning_key for s in locked])
    return request


@transaction.atomic
def move_slider(
    *, identity: str, share_percent: int, regime: str, channel: str, source: str, external_id: str
) -> Request | None:
    """Record a new share ratio. Lowering it opens an unshare request for exactly what it uncovers.

    Returns:
        The request, or None where nothing that is shared is uncovered.

    Raises:
        UnknownSubjects: nothing is done.
    """
    (subject,) = _known([identity])
    subject = Subject.objects.select_for_update().get(pk=subject.pk)
    before = subject.consent.share_percent if hasattr(subject, "consent") else 0
    record_consent(subject=subject, share_percent=share_percent, channel=channel, recorded_by=source)
    rows = Interaction.objects.filter(subject=subject, rank__gte=share_percent / 100)
    if share_percent >= before or not rows.exists():
        return None
    request = _create(
        Request.Kind.UNSHARE,
        regime=regime,
        source=source,
        external_id=external_id,
        share_percent_before=before,
        share_percent_after=share_percent,
    )
    _accept(request, [subject], rows, erased_subjects=[])
    return request


def move(request: Request, state: State) -> None:
    """Change a request's state; the database refuses what the transition table does not list."""
    request.state = state
    request.save(update_fields=["state"])


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
