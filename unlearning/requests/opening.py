"""Opening requests: the one way in, whoever sends them and in whatever format. Here: erasures."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from audits.evidence import log
from unlearning import correlation
from unlearning.consent.models import ConsentEvent
from unlearning.lineage.models import Subject
from unlearning.lineage.subjects import Identity, find_subjects
from unlearning.requests import acceptance, clock, policy
from unlearning.requests.deadlines import deadline
from unlearning.requests.errors import IdTaken, UnknownSubjects
from unlearning.requests.grounds import Ground
from unlearning.requests.models import Duplicate, Manner, Request, RequestEvent, RequestSubject
from unlearning.requests.states import FINAL, State
from unlearning.webhooks import catalogue
from unlearning.webhooks.outbox import emit


@dataclass(frozen=True)
class Submission:
    """Who sent what, and how: the same id from the same source is the same submission."""

    source: str
    external_id: str
    regime: str = Request.Regime.GDPR
    manner: str = Manner.API
    received_at: datetime | None = None
    """When it reached the controller; None: just now."""


@transaction.atomic
def erase(
    identities: Sequence[Identity | Subject], submission: Submission, *, identity_verified: bool = True
) -> tuple[Request, bool]:
    """Open an erasure (GDPR art. 17; Cal. Civ. Code § 1798.105).

    Sent again under the same id, it is found and nothing is done. Where an open erasure covers the same subjects, the
    new one is merged into it. Once the requester is known to be who they say, the request is accepted in the same
    transaction: the subjects' rows leave the live tables, their identities are suppressed, and the log says so.

    Args:
        identity_verified: whether the sender has established the requester's identity; otherwise the request waits.

    Returns:
        The request, and whether this submission is new.

    Raises:
        ValueError: nobody is named.
        UnknownSubjects: nothing is done.
        IdTaken: the id stands for something else; nothing is done.
    """
    if not identities:
        raise ValueError("an erasure names at least one subject")
    lock_id(submission)
    earlier = _find_erasure(identities, submission)
    if earlier:
        return earlier, False
    found = {subject.pk for subject in known(identities)}
    # Requests before subjects, as everybody locks them.
    _lock_open_erasures(found)
    subjects = list(Subject.objects.select_for_update().filter(pk__in=found).order_by("pk"))
    if any(subject.erased_at for subject in subjects):
        raise UnknownSubjects([place for place, one in enumerate(_found(identities)) if one is None])
    request = _open_erasure_of(subjects, identity_verified)
    if request:
        _merge(request, submission)
        if identity_verified and request.state in (State.RECEIVED, State.IDENTITY_PENDING):
            _note_verified(request, submission.source)
            acceptance.accept_erasure(request)
        return request, True
    request = create_request(Request.Kind.ERASE, Request.Scope.ALL, submission)
    members = acceptance.name_subjects(request, subjects)
    if identity_verified:
        acceptance.accept_erasure_of(request, members, subjects)
    else:
        _await_identity(request, submission.source)
    return request, True


@transaction.atomic
def refuse_unknown(submission: Submission) -> tuple[Request, bool]:
    """Put on record that somebody asked of whom nothing is held: the answer that the law wants is that."""
    lock_id(submission)
    earlier = submitted(submission)
    if earlier:
        return earlier, False
    request = create_request(Request.Kind.ERASE, Request.Scope.ALL, submission)
    request.state, request.denial, request.closed_at = State.REFUSED, Ground.NOT_HELD, timezone.now()
    request.save(update_fields=["state", "denial", "closed_at"])
    log.append("request.refused", {"ground": request.denial, "kind": request.kind, "request": str(request.id)})
    return request, True


def submitted(submission: Submission) -> Request | None:
    """The request that a submission opened before, or was merged into."""
    sent = {"source": submission.source, "external_id": submission.external_id}
    return Request.objects.filter(Q(**sent) | Q(duplicates__in=Duplicate.objects.filter(**sent))).first()


def _find_erasure(identities: Sequence[Identity | Subject], submission: Submission) -> Request | None:
    """The erasure of these subjects that a sender already opened under this id.

    After a request has ended, its subjects can no longer be told from others: then they must be as many, and unknown.

    Raises:
        IdTaken: the id stands for something else.
    """
    request = submitted(submission)
    if request is None:
        if ConsentEvent.objects.filter(recorded_by=submission.source, external_id=submission.external_id).exists():
            raise IdTaken
        return None
    members = {member.subject_id for member in request.subjects.select_related("subject")}
    present = {subject.pk for subject in _found(identities) if subject is not None}
    gone = Subject.objects.filter(pk__in=members, erased_at__isnull=False).count()
    if request.source != submission.source:  # merged into a request that may concern others as well
        same = present <= members and len(identities) <= len(members)
    else:
        same = len(identities) == len(members) and present <= members and len(present) == len(members) - gone
    if request.kind != Request.Kind.ERASE or not (same or request.denial == Ground.NOT_HELD):
        raise IdTaken
    return request


def _open_erasures(subjects: Collection[UUID]) -> QuerySet[Request]:
    concerned = RequestSubject.objects.filter(subject__in=subjects).values("request")
    return Request.objects.filter(kind=Request.Kind.ERASE, pk__in=concerned).exclude(state__in=FINAL)


def _lock_open_erasures(subjects: Collection[UUID]) -> None:
    list(_open_erasures(subjects).order_by("pk").select_for_update(no_key=True).values_list("pk"))


def _open_erasure_of(subjects: Sequence[Subject], identity_verified: bool) -> Request | None:
    """An open erasure that the same can be merged into.

    One that waits must concern exactly these subjects, so that nobody's verification counts for another; one that is
    held while it waits would keep a verified one waiting. One that is accepted may concern others as well.
    """
    wanted = {subject.pk for subject in subjects}
    for request in _open_erasures(wanted).order_by("received_at").select_for_update(no_key=True):
        members = set(request.subjects.values_list("subject", flat=True))
        held = request.state == State.ON_HOLD and request.rows_removed_at is None and identity_verified
        if not held and (wanted <= members if request.rows_removed_at else wanted == members):
            return request
    return None


def _merge(request: Request, submission: Submission) -> None:
    now = timezone.now()
    Duplicate.objects.create(
        request=request,
        source=submission.source,
        external_id=submission.external_id,
        manner=submission.manner,
        received_at=submission.received_at or now,
        regime=submission.regime,
    )
    clock.hasten(request, submission.regime, submission.received_at or now)
    request.save(update_fields=clock.FIELDS)
    RequestEvent.objects.create(request=request, action=RequestEvent.Action.MERGE, by=submission.source, at=now)
    log.append("request.merged", {"manner": submission.manner, "request": str(request.id)})


def note_taking_in(request: Request, by: str, reason: str) -> None:
    """Put on record which officer took in what came by letter or telephone."""
    RequestEvent.objects.create(
        request=request, action=RequestEvent.Action.TAKE_IN, by=by, reason=reason, at=timezone.now()
    )


def _note_verified(request: Request, by: str) -> None:
    """Whoever sent the same knows that the requester is who they say."""
    if request.state == State.IDENTITY_PENDING:
        action = RequestEvent.Action.VERIFY_IDENTITY
        RequestEvent.objects.create(request=request, action=action, by=by, at=timezone.now())
        log.append(f"request.{action}", {"request": str(request.id)})


def _await_identity(request: Request, by: str) -> None:
    request.state, request.identity_asked_at = State.IDENTITY_PENDING, timezone.now()
    request.save(update_fields=["state", "identity_asked_at"])
    RequestEvent.objects.create(
        request=request, action=RequestEvent.Action.ASK_IDENTITY, by=by, at=request.identity_asked_at
    )
    emit(catalogue.RECEIVED, {"request": str(request.id), "kind": request.kind}, request.senders())


def lock_id(submission: Submission) -> None:
    """Let one at a time decide what a sender's id stands for; until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
            [f"{submission.source} {submission.external_id}"],
        )


def known(identities: Sequence[Identity | Subject]) -> list[Subject]:
    """The subjects of identities.

    Raises:
        UnknownSubjects: some are not known, or erased.
    """
    found = _found(identities)
    unknown = [place for place, subject in enumerate(found) if subject is None]
    if unknown:
        raise UnknownSubjects(unknown)
    return [subject for subject in found if subject is not None]


def _found(identities: Sequence[Identity | Subject]) -> list[Subject | None]:
    """As `find_subjects`; a subject at hand stands for itself, unless erased."""
    named = [one for one in identities if not isinstance(one, Subject)]
    looked_up = iter(find_subjects(named) if named else [])
    return [
        next(looked_up) if not isinstance(one, Subject) else (one if one.erased_at is None else None)
        for one in identities
    ]


def standing(identity: Identity | Subject) -> Subject:
    """A subject who is not being erased.

    Raises:
        UnknownSubjects: they are, or nobody is known under the identity.
    """
    (subject,) = [identity] if isinstance(identity, Subject) else known([identity])
    leaving = Request.objects.filter(kind=Request.Kind.ERASE, subjects__subject=subject, rows_removed_at__isnull=False)
    if subject.erased_at is not None or leaving.exists():
        raise UnknownSubjects([0])
    return subject


def lock_standing(identity: Identity | Subject) -> Subject:
    """As `standing`; until the transaction ends, nobody else changes what the subject shares."""
    (subject,) = [identity] if isinstance(identity, Subject) else known([identity])
    return standing(Subject.objects.select_for_update().get(pk=subject.pk))


def create_request(kind: str, scope: str, submission: Submission, **more: int | str) -> Request:
    """A new request; its period begins when it reached the controller, by the calendar in force now."""
    received_at = submission.received_at or timezone.now()
    calendar = policy.in_force().calendar
    return Request.objects.create(
        kind=kind,
        scope=scope,
        regime=submission.regime,
        manner=submission.manner,
        source=submission.source,
        external_id=submission.external_id,
        received_at=received_at,
        due_at=deadline(submission.regime, received_at, calendar),
        traceparent=correlation.traceparent(),
        time_zone=calendar.zone,
        holidays=calendar.holidays,
        **more,
    )
