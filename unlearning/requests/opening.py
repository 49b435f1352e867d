"""Opening requests: the one way in, whoever sends them and in whatever format. Here: erasures."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audits.evidence import log
from unlearning.lineage.models import Subject
from unlearning.lineage.subjects import Identity, find_subjects
from unlearning.requests import acceptance, clock, journal, policy
from unlearning.requests.acceptance import Withdrawal, withdrawal
from unlearning.requests.calendars import Calendar
from unlearning.requests.deadlines import deadline
from unlearning.requests.errors import IdTaken, UnknownSubjects
from unlearning.requests.grounds import Ground
from unlearning.requests.models import Duplicate, Request, RequestEvent, RequestSubject
from unlearning.requests.states import FINAL, State
from unlearning.requests.submissions import Id, Submission, lock_ids, submitted, used_ids
from unlearning.webhooks import catalogue
from unlearning.webhooks.outbox import emit

Opened = tuple[Request, bool]
"""The request, and whether the submission is new."""
Refusal = UnknownSubjects | IdTaken
Found = Sequence[Subject | None]
"""The subject of each identity; None where nobody is known under it, or they were erased."""


@dataclass(frozen=True)
class Erasure:
    """An erasure as somebody asks for it."""

    identities: Sequence[Identity | Subject]
    submission: Submission
    identity_verified: bool = True
    """Whether the sender has established the requester's identity; otherwise the request waits."""

    def __post_init__(self) -> None:
        if not self.identities:
            raise ValueError("an erasure names at least one subject")


@transaction.atomic
def erase(
    identities: Sequence[Identity | Subject], submission: Submission, *, identity_verified: bool = True
) -> Opened:
    """Open an erasure (GDPR art. 17; Cal. Civ. Code § 1798.105); see `erase_each`.

    Raises:
        ValueError: nobody is named.
        UnknownSubjects, IdTaken: nothing is done.
    """
    (outcome,) = erase_each([Erasure(identities, submission, identity_verified)])
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def erase_each(wanted: Sequence[Erasure]) -> list[Opened | Refusal]:
    """Open erasures (GDPR art. 17; Cal. Civ. Code § 1798.105); call it in a transaction, and do nothing after it there.

    Sent again under the same id, one is found and nothing is done. Where an open erasure covers the same subjects, the
    new one is merged into it. Once the requester is known to be who they say, the request is accepted in the same
    transaction: the subjects' rows leave the live tables, their identities are suppressed, and the log says so.

    Returns:
        For each what was opened, or why nothing was done: somebody is not known, or the id stands for something else.
    """
    submissions = [one.submission for one in wanted]
    lock_ids(submissions)
    used = used_ids(submissions)
    named = found_each([one.identities for one in wanted])
    # What is known by its id needs nobody's rows, and waits for nobody.
    fresh = [place for place, one in enumerate(wanted) if one.submission.id not in used]
    for place, found in zip(fresh, _lock([named[place] for place in fresh]), strict=True):
        named[place] = found
    calendar = policy.in_force().calendar
    plain = {
        place: _new_erasure(wanted[place].submission, named[place], calendar)
        for place in _standing_by_themselves(wanted, named, fresh)
    }
    accepted = list(plain.values())
    if accepted:
        acceptance.accept_erasures(accepted)
    # What is repeated, merged, waits or is refused is looked at one by one, beside those that are open by now.
    outcomes = [
        (plain[place].request, True) if place in plain else _outcome(one, named[place], calendar, accepted)
        for place, one in enumerate(wanted)
    ]
    journal.write((one.request, one.subjects) for one in accepted)
    return outcomes


def _standing_by_themselves(wanted: Sequence[Erasure], named: Sequence[Found], fresh: Sequence[int]) -> list[int]:
    """Places of those whose requester is known, and whose subjects nobody else names: here, or in an open erasure."""
    keys = _keys([named[place] for place in fresh])
    open_ones = list(_open_erasures(keys).values_list("pk", flat=True))
    members = RequestSubject.objects.filter(request__in=open_ones, subject__among=list(keys))
    leaving = set(members.values_list("subject", flat=True)) if open_ones else set()
    used: set[Id] = set()
    chosen = []
    for place in fresh:
        one, whom = wanted[place], _keys([named[place]])
        if one.identity_verified and None not in named[place] and one.submission.id not in used and not whom & leaving:
            used.add(one.submission.id)
            leaving |= whom
            chosen.append(place)
    return chosen


def _outcome(one: Erasure, found: Found, calendar: Calendar, accepted: list[Withdrawal]) -> Opened | Refusal:
    try:
        return _erase_by_itself(one, found, calendar, accepted)
    except (UnknownSubjects, IdTaken) as refusal:
        return refusal


def _erase_by_itself(one: Erasure, found: Found, calendar: Calendar, accepted: list[Withdrawal]) -> Opened:
    """Open an erasure whose id is locked, and unless the id is used its subjects; adds to what is accepted."""
    submission, verified = one.submission, one.identity_verified
    earlier = _find_erasure(found, submission)
    if earlier:
        return earlier, False
    if None in found:
        raise UnknownSubjects([place for place, subject in enumerate(found) if subject is None])
    request = _open_erasure_of(_keys([found]), verified)
    if request:
        _merge(request, submission)
        if verified and request.state in (State.RECEIVED, State.IDENTITY_PENDING):
            _note_verified(request, submission.source)
            accepted.append(acceptance.accept_erasure(request))
        return request, True
    new = _new_erasure(submission, found, calendar)
    if verified:
        acceptance.accept_erasures([new])
        accepted.append(new)
    else:
        _await_identity(new, submission.source)
    return new.request, True


def _new_erasure(submission: Submission, found: Found, calendar: Calendar) -> Withdrawal:
    whom = {subject.pk: subject for subject in found if subject is not None}
    request = new_request(Request.Kind.ERASE, Request.Scope.ALL, submission, calendar)
    return withdrawal(request, [whom[key] for key in sorted(whom)])


@transaction.atomic
def refuse_unknown(submission: Submission) -> tuple[Request, bool]:
    """Put on record that somebody asked of whom nothing is held: the answer that the law wants is that."""
    lock_ids([submission])
    earlier = submitted(submission)
    if earlier:
        return earlier, False
    request = new_request(Request.Kind.ERASE, Request.Scope.ALL, submission, policy.in_force().calendar)
    request.state, request.denial, request.closed_at = State.REFUSED, Ground.NOT_HELD, timezone.now()
    request.save()
    log.append("request.refused", {"ground": request.denial, "kind": request.kind, "request": str(request.id)})
    return request, True


def _find_erasure(found: Found, submission: Submission) -> Request | None:
    """The erasure of these subjects that a sender already opened under this id.

    After a request has ended, its subjects can no longer be told from others: then they must be as many, and unknown.

    Raises:
        IdTaken: the id stands for something else.
    """
    request = submitted(submission)
    if request is None:
        if used_ids([submission]):  # as that of a decision, or of what was taken back
            raise IdTaken
        return None
    members = {member.subject_id for member in request.subjects.select_related("subject")}
    present = _keys([found])
    gone = Subject.objects.filter(pk__in=members, erased_at__isnull=False).count()
    if request.source != submission.source:  # merged into a request that may concern others as well
        same = present <= members and len(found) <= len(members)
    else:
        same = len(found) == len(members) and present <= members and len(present) == len(members) - gone
    if request.kind != Request.Kind.ERASE or not (same or request.denial == Ground.NOT_HELD):
        raise IdTaken
    return request


def _open_erasures(subjects: Collection[UUID]) -> QuerySet[Request]:
    # Found first, since most have none: in one query PostgreSQL would go through everything that is open.
    concerned = set(RequestSubject.objects.filter(subject__among=list(subjects)).values_list("request", flat=True))
    if not concerned:
        return Request.objects.none()
    return Request.objects.filter(kind=Request.Kind.ERASE, pk__among=list(concerned)).exclude(state__in=FINAL)


def _lock(named: Sequence[Found]) -> list[Found]:
    """The same as they are now, which nobody else changes until the transaction ends."""
    keys = _keys(named)
    # Requests before subjects, as everybody locks them.
    list(_open_erasures(keys).order_by("pk").select_for_update(no_key=True).values_list("pk"))
    standing = Subject.objects.select_for_update().filter(pk__among=list(keys)).order_by("pk")
    locked = {subject.pk: subject for subject in standing if subject.erased_at is None}
    return [[subject and locked.get(subject.pk) for subject in found] for found in named]


def _keys(named: Sequence[Found]) -> set[UUID]:
    return {subject.pk for found in named for subject in found if subject is not None}


def _open_erasure_of(wanted: set[UUID], identity_verified: bool) -> Request | None:
    """An open erasure that the same can be merged into.

    One that waits must concern exactly these subjects, so that nobody's verification counts for another; one that is
    held while it waits would keep a verified one waiting. One that is accepted may concern others as well.
    """
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


def _await_identity(new: Withdrawal, by: str) -> None:
    request = new.request
    request.state, request.identity_asked_at = State.IDENTITY_PENDING, timezone.now()
    request.save()
    RequestSubject.objects.bulk_create(new.members)
    RequestEvent.objects.create(
        request=request, action=RequestEvent.Action.ASK_IDENTITY, by=by, at=request.identity_asked_at
    )
    emit(catalogue.RECEIVED, {"request": str(request.id), "kind": request.kind}, request.senders())


def known(identities: Sequence[Identity | Subject]) -> list[Subject]:
    """The subjects of identities.

    Raises:
        UnknownSubjects: some are not known, or erased.
    """
    (found,) = found_each([identities])
    unknown = [place for place, subject in enumerate(found) if subject is None]
    if unknown:
        raise UnknownSubjects(unknown)
    return [subject for subject in found if subject is not None]


def found_each(wanted: Sequence[Sequence[Identity | Subject]]) -> list[Found]:
    """The subject of each identity, as `find_subjects`; a subject at hand stands for itself, unless erased."""
    named = [one for identities in wanted for one in identities if not isinstance(one, Subject)]
    looked_up = iter(find_subjects(named) if named else [])
    return [
        [
            next(looked_up) if not isinstance(one, Subject) else (one if one.erased_at is None else None)
            for one in identities
        ]
        for identities in wanted
    ]


def standing(identity: Identity | Subject) -> Subject:
    """A subject who is not being erased.

    Raises:
        UnknownSubjects: they are, or nobody is known under the identity.
    """
    (subject,) = [identity] if isinstance(identity, Subject) else known([identity])
    if is_leaving(subject):
        raise UnknownSubjects([0])
    return subject


def is_leaving(subject: Subject) -> bool:
    """Whether they are erased, or being erased."""
    accepted = Request.objects.filter(kind=Request.Kind.ERASE, subjects__subject=subject, rows_removed_at__isnull=False)
    return subject.erased_at is not None or accepted.exists()


def lock_standing(identity: Identity | Subject) -> Subject:
    """As `standing`; until the transaction ends, nobody else changes what the subject shares."""
    (subject,) = [identity] if isinstance(identity, Subject) else known([identity])
    return standing(Subject.objects.select_for_update().get(pk=subject.pk))


def new_request(kind: str, scope: str, submission: Submission, calendar: Calendar, **more: int | str) -> Request:
    """A new request, not stored yet; its period begins when it reached the controller.

    Args:
        calendar: by which the period is counted, the one in force.
    """
    received_at = submission.received_at or timezone.now()
    return Request(
        kind=kind,
        scope=scope,
        regime=submission.regime,
        manner=submission.manner,
        source=submission.source,
        external_id=submission.external_id,
        received_at=received_at,
        due_at=deadline(submission.regime, received_at, calendar),
        traceparent=submission.traceparent,
        time_zone=calendar.zone,
        holidays=calendar.holidays,
        **more,
    )
