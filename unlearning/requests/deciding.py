"""What a subject decides to share and to take back: what is no longer covered leaves at once, as an unshare request."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q, QuerySet

from audits.evidence.sealing import body_digest
from unlearning.consent.coverage import Coverage, coverage_of
from unlearning.consent.models import ConsentEvent, ConsentState, Exclusion
from unlearning.consent.records import RecordedDecision
from unlearning.consent.services import DEFAULT_NOTICE, PURPOSE, record_consent
from unlearning.lineage.models import Interaction, Item, Subject
from unlearning.lineage.subjects import Identity, ensure_items
from unlearning.requests import acceptance, policy
from unlearning.requests.errors import BadField, IdTaken
from unlearning.requests.models import Request
from unlearning.requests.opening import found_each, is_leaving, lock_standing, new_request
from unlearning.requests.submissions import Submission, lock_ids, used_ids
from unlearning.webhooks import catalogue
from unlearning.webhooks.outbox import emit


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
    lock_ids([submission])
    event = ConsentEvent.objects.filter(recorded_by=submission.source, external_id=submission.external_id).first()
    request = Request.objects.filter(source=submission.source, external_id=submission.external_id).first()
    if event is not None and is_leaving(event.subject):
        # Who it was can no longer be told from others: then they must be unknown.
        same = found_each([[identity]])[0][0] in (None, event.subject)
        if not same or (isinstance(wanted, Decision) and not _is_of(event, event.subject, wanted)):
            raise IdTaken
        return request, False
    subject = lock_standing(identity)
    before = ConsentState.objects.filter(subject=subject).first()
    decision = wanted if isinstance(wanted, Decision) else wanted(before)
    if event is not None:
        if not _is_of(event, subject, decision):
            raise IdTaken
        return request, False
    if submission.id in used_ids([submission]):
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
    coverage = coverage_of(subject.pk)
    _tell(subject, coverage)
    return _unshare_uncovered(subject, coverage, before, submission), True


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
    subject = lock_standing(identity)
    before = subject.consent if hasattr(subject, "consent") else None
    recorded = 0
    for decision in sorted(decisions, key=lambda one: one.effective_at):
        # Other systems number the events of each customer by themselves.
        external_id = f"record {subject.pk.hex} {decision.identifier}"
        if _is_known(subject, decision, source, external_id):
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
        coverage = coverage_of(subject.pk)
        _tell(subject, coverage)
        submission = Submission(source, f"record {uuid4()}", regime)
        request = _unshare_uncovered(subject, coverage, before, submission)
    return {"recorded": recorded, "known": len(decisions) - recorded, "request": request}


@transaction.atomic
def take_back(identity: Identity | Subject, part: Part, submission: Submission) -> tuple[Request | None, bool]:
    """Take back some items or a span of time while the slider stays; it can't be shared again by a later import.

    Returns:
        The request, or None where nothing of it is shared; and whether this submission is new.

    Raises:
        UnknownSubjects, IdTaken: as `decide`; nothing is done.
    """
    lock_ids([submission])
    # Items before subjects, as an import takes them. What was not seen yet must not come in later.
    items = list(ensure_items(part.items).values()) if part.items else []
    subject = lock_standing(identity)
    digest = body_digest(repr((sorted(part.items), part.since, part.until)).encode())
    earlier = Request.objects.filter(source=submission.source, external_id=submission.external_id).first()
    if earlier:
        if earlier.part != digest or not earlier.subjects.filter(subject=subject).exists():
            raise IdTaken
        return earlier, False
    if submission.id in used_ids([submission]):
        raise IdTaken
    rows = Interaction.objects.filter(subject=subject)
    if part.items:
        exclusions = [Exclusion(subject=subject, item=item) for item in items]
        rows = rows.filter(item__in=items)
    else:
        exclusions = [Exclusion(subject=subject, since=part.since, until=part.until)]
        rows = rows.filter(occurred_at__gte=part.since, occurred_at__lt=part.until)
    Exclusion.objects.bulk_create(exclusions, ignore_conflicts=True)
    if not rows.exists():
        return None, True
    percent = coverage_of(subject.pk).share_percent
    request = new_request(
        Request.Kind.UNSHARE,
        _scope(part),
        submission,
        policy.in_force().calendar,
        share_percent_before=percent,
        share_percent_after=percent,
        part=digest,
    )
    acceptance.accept([acceptance.withdrawal(request, [subject])], rows)
    return request, True


@transaction.atomic
def unshare_moved(concerned: Collection[UUID], source: str) -> list[Request]:
    """Open an unshare request for each subject whose consent does not cover the category that items went to.

    Args:
        concerned: subjects of whom something is stored of these items.
        source: whose file said so.
    """
    requests = []
    for subject in Subject.objects.filter(pk__among=list(concerned), erased_at=None).order_by("pk"):
        submission = Submission(source, f"category {uuid4()}")
        request = _unshare_uncovered(subject, coverage_of(subject.pk), subject.consent, submission)
        requests += [request] if request else []
    return requests


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
    moment = decision.effective_at
    # A moment ahead of the clock was recorded as that of recording.
    return said == found and (moment in (None, event.effective_at) or moment > event.recorded_at)


def _is_known(subject: Subject, decision: RecordedDecision, source: str, external_id: str) -> bool:
    """Whether the subject's history has this very event, whoever recorded it."""
    # Its moment was ahead of the clock, and was recorded as that of recording.
    ahead = Q(recorded_by=source, external_id=external_id, recorded_at__lt=decision.effective_at)
    at_that_moment = Q(effective_at=decision.effective_at) | ahead
    return subject.consent_events.filter(
        at_that_moment,
        share_percent=decision.share_percent,
        categories=None if decision.categories is None else sorted(set(decision.categories)),
        purposes=list(decision.purposes),
        notice_version=decision.notice_version,
        channel=decision.channel,
    ).exists()


def _tell(subject: Subject, coverage: Coverage) -> None:
    """Tell what is in force now, whatever was recorded."""
    categories = None if coverage.categories is None else sorted(coverage.categories)
    told = {"subject": str(subject.pk), "share_percent": coverage.share_percent, "categories": categories}
    emit(catalogue.CONSENT, told)


def _unshare_uncovered(
    subject: Subject, after: Coverage, before: ConsentState | None, submission: Submission
) -> Request | None:
    """Open an unshare request for what the consent in force no longer covers, if there is any."""
    rows = _uncovered(subject, after)
    if not rows.exists():
        return None
    lowered = before is None or after.share_percent < before.share_percent
    request = new_request(
        Request.Kind.UNSHARE,
        Request.Scope.RATIO if lowered else Request.Scope.CATEGORIES,
        submission,
        policy.in_force().calendar,
        share_percent_before=before.share_percent if before else 0,
        share_percent_after=after.share_percent,
    )
    acceptance.accept([acceptance.withdrawal(request, [subject])], rows)
    return request


def _scope(part: Part) -> str:
    return Request.Scope.ITEMS if part.items else Request.Scope.DATES


def _uncovered(subject: Subject, coverage: Coverage) -> QuerySet[Interaction]:
    """Live rows that the subject's consent does not cover."""
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
