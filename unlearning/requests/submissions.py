"""Submissions: the same id from the same source is the same submission, however often it is sent."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection
from django.db.models import Q

from unlearning import correlation
from unlearning.consent.models import ConsentEvent
from unlearning.requests.models import Duplicate, Manner, Request, TakenBack

Id = tuple[str, str]
"""Source, and its own id."""


@dataclass(frozen=True)
class Submission:
    """Who sent what, and how."""

    source: str
    external_id: str
    regime: str = Request.Regime.GDPR
    manner: str = Manner.API
    received_at: datetime | None = None
    """When it reached the controller; None: just now."""
    traceparent: str = field(default_factory=correlation.traceparent, compare=False)
    """Of the trace in which it came."""

    @property
    def id(self) -> Id:
        """What it is known by."""
        return self.source, self.external_id


def lock_ids(submissions: Sequence[Submission]) -> None:
    """Let one at a time decide what senders' ids stand for; until the transaction ends."""
    with connection.cursor() as cursor:
        # In one order, so that none waits for another: a subquery that is sorted is done first.
        cursor.execute(
            "SELECT pg_advisory_xact_lock(id) FROM "
            "(SELECT DISTINCT hashtextextended(id, 0) AS id FROM unnest(%s::text[]) AS id ORDER BY 1) AS ids",
            [[f"{source} {external_id}" for source, external_id in (one.id for one in submissions)]],
        )


def submitted(submission: Submission) -> Request | None:
    """The request that a submission opened before, or was merged into."""
    sent = {"source": submission.source, "external_id": submission.external_id}
    return Request.objects.filter(Q(**sent) | Q(duplicates__in=Duplicate.objects.filter(**sent))).first()


def used_ids(submissions: Sequence[Submission]) -> set[Id]:
    """Ids that stand for something: a request, a part of one, what was taken back of one, or a decision."""
    sources, numbers = {one.source for one in submissions}, [one.external_id for one in submissions]
    requests, *others = (
        model.objects.filter(**{f"{source}__in": sources}, external_id__among=numbers)
        .order_by()
        .values_list(source, "external_id")
        for model, source in (
            (Request, "source"),
            (Duplicate, "source"),
            (TakenBack, "source"),
            (ConsentEvent, "recorded_by"),
        )
    )
    return set(requests.union(*others))
