"""Opening requests: the one way in, whoever sends them and in whatever format."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from audits.evidence import log
from audits.evidence.sealing import body_digest
from unlearning.consent.coverage import Coverage, coverages
from unlearning.consent.models import ConsentEvent, ConsentState, Exclusion
from unlearning.consent.records import RecordedDecision
from unlearning.consent.services import DEFAULT_NOTICE, PURPOSE, record_consent
from unlearning.lineage.models import Interaction, Item, Subject
from unlearning.lineage.subjects import Identity, ensure_items, find_subjects
from unlearning.requests import acceptance
from unlearning.requests.deadlines import deadline
from unlearning.requests.errors import BadField, IdTaken, UnknownSubjects
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


@dataclass(frozen=True)
class Decision:
    """What a subject chose to share. Fields left out stay as they are, or are the usual ones."""

    share_percent: int
    channel: str
    categories: Sequence[str] | None = None
    purposes: Sequence[str] = (PURPOSE,)
    notice_version: str = DEFAULT_NOTICE
    effective_at: datetime | None = None
    corrects: int | None = None
    """Id of an event of the same subject that was recorded wrongly."""


Narrowing = Callable[[ConsentState | None], Decision]
"""Makes a decision of the one in force, which nobody changes meanwhile."""


@dataclass(frozen=True)
class Part:
    """A part of a subject's data that is taken back while the slider stays: items, or a span of time."""

    items: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    """The first moment after the span."""


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
        UnknownSubjects: nothing is done.
        IdTaken: the id stands for something else; nothing is done.
    """
    _lock_id(submission)
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
            acceptance.accept_erasure(request)
        return request, True
    request = _create(Request.Kind.ERASE, Request.Scope.ALL, submission)
    members = acceptance.name_subjects(request, subjects)
    if identity_verified:
        acceptance.accept_erasure_of(request, members, subjects)
    else:
        _await_identity(request, submission.source)
    return request, True


@transaction.atomic
def refuse_unknown(submission: Submission) -> tuple[Request, bool]:
    """Put on record that somebody asked of whom nothing is held: the answer that the law wants is that."""
    _lock_id(submission)
    earlier = Request.objects.filter(source=submission.source, external_id=submission.external_id).first()
    if earlier:
        return earlier, False
    request = _create(Request.Kind.ERASE, Request.Scope.ALL, submission)
    request.state, request.denial, request.closed_at = State.REFUSED, Ground.NOT_HELD, timezone.now()
    request.save(update_fields=["state", "denial", "closed_at"])
    log.append("request.refused", {"ground": request.denial, "kind": request.kind, "request": str(request.id)})
    return request, True


@transaction.atomic
def decide(
    identity: Identity | Subject, wanted: Decision | Narrowing, submission: Submission
) -> tuple[Request | None, bool]:
    """Record what a subject chose to share. What is no longer covered leaves at once, as an unshare request.

    Sent again under the same id, it is found and nothing is done.

    Args:
        wanted: the decision, or what makes it of the one in force.

    Returns:
        The request, or None where everything that is shared stays covered; and whether this submission is new.

    Raises:
        UnknownSubjects: nothing is done.
        IdTaken: the id stands for something else; nothing is done.
        BadField: `corrects` is no event that can be corrected.
    """
    _lock_id(submission)
    subject = standing(Subject.objects.select_for_update().get(pk=standing(identity).pk))
    before = ConsentState.objects.filter(subject=subject).first()
    decision = wanted if isinstance(wanted, Decision) else wanted(before)
    event = ConsentEvent.objects.filter(recorded_by=submission.source, external_id=submission.external_id).first()
    request = Request.objects.filter(source=submission.source, external_id=submission.external_id).first()
    if event is not None:
        if not _is_of(event, subject, decision):
            raise IdTaken
        return request, False
    if request is not None:
        raise IdTaken
    corrected = _correctable(subject, decision.corrects)
    record_consent(
        subject=subject,
        share_percent=decision.share_percent,
        categories=decision.categories,
        purposes=decision.purposes,
        channel=decision.channel,
        recorded_by=submission.source,
        notice_version=decision.notice_version,
        external_id=submission.external_id,
        effective_at=decision.effective_at or (corrected and corrected.effective_at),
        corrects=corrected,
    )
    _tell(subject)
    return _unshare_uncovered(subject, before, submission), True


@transaction.atomic
def decide_all(
    identity: Identity | Subject, decisions: Sequence[RecordedDecision], source: str, regime: str
) -> dict[str, Any]:
    """Record the events of another system's consent record, each once; then as `decide`.

    Returns:
        How many were `recorded` and how many `known` before, and the `request` that was opened, or None.

    Raises:
        UnknownSubjects, IdTaken: nothing is done.
    """
    subject = standing(Subject.objects.select_for_update().get(pk=standing(identity).pk))
    before = subject.consent if hasattr(subject, "consent") else None
    recorded = 0
    for decision in decisions:
        # Other systems number the events of each customer by themselves.
        external_id = f"record {subject.pk.hex} {decision.identifier}"
        if _is_known(subject, decision):
            continue
        if ConsentEvent.objects.filter(recorded_by=source, external_id=external_id).exists():
            raise IdTaken
        record_consent(
            subject=subject,
            share_percent=decision.share_percent,
            categories=decision.categories,
            purposes=decision.purposes,
            channel=decision.channel,
            recorded_by=source,
            notice_version=decision.notice_version,
            external_id=external_id,
            effective_at=decision.effective_at,
        )
        recorded += 1
    request = None
    if recorded:
        _tell(subject)
        submission = Submission(source, f"record {uuid4()}", regime)
        request = _unshare_uncovered(subject, before, submission)
    return {"recorded": recorded, "known": len(decisions) - recorded, "request": request}


@transaction.atomic
def take_back(identity: Identity | Subject, part: Part, submission: Submission) -> tuple[Request | None, bool]:
    """Take back some items or a span of time while the slider stays; it can't be shared again by a later import.

    Returns:
        The request, or None where nothing of it is shared; and whether this submission is new.

    Raises:
        UnknownSubjects, IdTaken: as `decide`; nothing is done.
    """
    _lock_id(submission)
    subject = standing(Subject.objects.select_for_update().get(pk=standing(identity).pk))
    digest = body_digest(repr((sorted(part.items), part.since, part.until)).encode())
    earlier = Request.objects.filter(source=submission.source, external_id=submission.external_id).first()
    if earlier:
        if earlier.part != digest or not earlier.subjects.filter(subject=subject).exists():
            raise IdTaken
        return earlier, False
    if ConsentEvent.objects.filter(recorded_by=submission.source, external_id=submission.external_id).exists():
        raise IdTaken
    rows = Interaction.objects.filter(subject=subject)
    if part.items:
        items = list(ensure_items(part.items).values())  # what was not seen yet must not come in later
        exclusions = [Exclusion(subject=subject, item=item) for item in items]
        rows = rows.filter(item__in=items)
    else:
        exclusions = [Exclusion(subject=subject, since=part.since, until=part.until)]
        rows = rows.filter(occurred_at__gte=part.since, occurred_at__lt=part.until)
    Exclusion.objects.bulk_create(exclusions, ignore_conflicts=True)
    if not rows.exists():
        return None, True
    percent = coverages([subject.pk]).get(subject.pk, Coverage()).share_percent
    request = _create(
        Request.Kind.UNSHARE,
        _scope(part),
        submission,
        share_percent_before=percent,
        share_percent_after=percent,
        part=digest,
    )
    acceptance.accept(request, acceptance.name_subjects(request, [subject]), rows, erased_subjects=[])
    return request, True


def categories_without(covered: Sequence[str] | None, taken_back: Sequence[str]) -> list[str]:
    """Of the categories that consent covers, those that stay.

    Args:
        covered: None means every one that there is; items without a category have the empty one.
    """
    present = covered
    if present is None:
        present = Item.objects.values_list("category", flat=True).distinct()
    return sorted(set(present) - set(taken_back))


def _is_of(event: ConsentEvent, subject: Subject, decision: Decision) -> bool:
    """Whether an event is what a decision says, as far as it says it."""
    categories = None if decision.categories is None else sorted(set(decision.categories))
    said = (subject.pk, decision.share_percent, categories, list(decision.purposes), decision.corrects)
    found = (event.subject_id, event.share_percent, event.categories, event.purposes, event.corrects_id)
    return said == found and decision.effective_at in (None, event.effective_at)


def _is_known(subject: Subject, decision: RecordedDecision) -> bool:
    """Whether the subject's history has this very event, whoever recorded it."""
    return subject.consent_events.filter(
        share_percent=decision.share_percent,
        categories=None if decision.categories is None else sorted(set(decision.categories)),
        purposes=list(decision.purposes),
        effective_at=decision.effective_at,
        notice_version=decision.notice_version,
        channel=decision.channel,
    ).exists()


def _tell(subject: Subject) -> None:
    """Tell what is in force now, whatever was recorded."""
    coverage = coverages([subject.pk]).get(subject.pk, Coverage())
    categories = None if coverage.categories is None else sorted(coverage.categories)
    told = {"subject": str(subject.pk), "share_percent": coverage.share_percent, "categories": categories}
    emit(catalogue.CONSENT, told)


def _unshare_uncovered(subject: Subject, before: ConsentState | None, submission: Submission) -> Request | None:
    """Open an unshare request for what the consent in force no longer covers, if there is any."""
    rows = _uncovered(subject)
    if not rows.exists():
        return None
    after = coverages([subject.pk]).get(subject.pk, Coverage())
    lowered = before is None or after.share_percent < before.share_percent
    request = _create(
        Request.Kind.UNSHARE,
        Request.Scope.RATIO if lowered else Request.Scope.CATEGORIES,
        submission,
        share_percent_before=before.share_percent if before else 0,
        share_percent_after=after.share_percent,
    )
    acceptance.accept(request, acceptance.name_subjects(request, [subject]), rows, erased_subjects=[])
    return request


def _scope(part: Part) -> str:
    return Request.Scope.ITEMS if part.items else Request.Scope.DATES


def _uncovered(subject: Subject) -> QuerySet[Interaction]:
    """Live rows that the subject's consent does not cover."""
    coverage = coverages([subject.pk]).get(subject.pk, Coverage())
    beyond = Q(rank__gte=coverage.share_percent / 100)
    if coverage.categories is not None:
        beyond |= ~Q(item__category__in=coverage.categories)
    return Interaction.objects.filter(beyond, subject=subject)


def _correctable(subject: Subject, event_id: int | None) -> ConsentEvent | None:
    if event_id is None:
        return None
    event = subject.consent_events.filter(pk=event_id, corrected_by=None).first()
    if event is None:
        raise BadField("corrects", "give the id of an event of this subject that was not corrected yet")
    return event


def _find_erasure(identities: Sequence[Identity | Subject], submission: Submission) -> Request | None:
    """The erasure of these subjects that a sender already opened under this id.

    After a request has ended, its subjects can no longer be told from others: then they must be as many, and unknown.

    Raises:
        IdTaken: the id stands for something else.
    """
    sent = {"source": submission.source, "external_id": submission.external_id}
    request = Request.objects.filter(Q(**sent) | Q(duplicates__in=Duplicate.objects.filter(**sent))).first()
    if request is None:
        if ConsentEvent.objects.filter(recorded_by=sent["source"], external_id=sent["external_id"]).exists():
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
    list(_open_erasures(subjects).order_by("pk").select_for_update().values_list("pk"))


def _open_erasure_of(subjects: Sequence[Subject], identity_verified: bool) -> Request | None:
    """An open erasure that the same can be merged into.

    One that waits must concern exactly these subjects, so that nobody's verification counts for another; one that is
    held while it waits would keep a verified one waiting. One that is accepted may concern others as well.
    """
    wanted = {subject.pk for subject in subjects}
    for request in _open_erasures(wanted).order_by("received_at").select_for_update():
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
        received_at=now,
    )
    RequestEvent.objects.create(request=request, action=RequestEvent.Action.MERGE, by=submission.source, at=now)
    log.append("request.merged", {"manner": submission.manner, "request": str(request.id)})


def _await_identity(request: Request, by: str) -> None:
    request.state, request.identity_asked_at = State.IDENTITY_PENDING, timezone.now()
    request.save(update_fields=["state", "identity_asked_at"])
    RequestEvent.objects.create(
        request=request, action=RequestEvent.Action.ASK_IDENTITY, by=by, at=request.identity_asked_at
    )
    emit(catalogue.RECEIVED, {"request": str(request.id), "kind": request.kind}, request.senders())


def _lock_id(submission: Submission) -> None:
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


def _create(kind: str, scope: str, submission: Submission, **more: int | str) -> Request:
    now = timezone.now()
    return Request.objects.create(
        kind=kind,
        scope=scope,
        regime=submission.regime,
        manner=submission.manner,
        source=submission.source,
        external_id=submission.external_id,
        received_at=now,
        due_at=deadline(submission.regime, now),
        **more,
    )
