"""The numbers of the first page. Each is a query or two, over what is recent or open where that tells enough."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.db.models import Avg, Count, F, Q, QuerySet, Sum
from django.db.models.functions import TruncWeek

from audits.certification.models import Certification
from audits.certification.services import certifications_of
from audits.verification.verdict import Verdict
from models_engine.registry.models import ModelVersion, Recommender
from unlearning.consent.models import ConsentState
from unlearning.requests.deadlines import suspended
from unlearning.requests.models import Request
from unlearning.requests.states import FINAL, State

VERDICTS = tuple(verdict.value for verdict in Verdict)
WEEKS = 12
SOON, LATER = timedelta(days=3), timedelta(days=10)
_TREND_SECONDS = 600
"""For which the consent trend is kept; it reads every event of the last weeks."""


def open_requests() -> QuerySet[Request]:
    """Requests that have not ended."""
    return Request.objects.exclude(state__in=FINAL)


def due_in(span: str, now: datetime) -> Q:
    """Requests whose period runs, and ends in a span: `overdue`, `soon`, `next` or `later`. No two overlap."""
    since, until = {
        "overdue": (None, now),
        "soon": (now, now + SOON),
        "next": (now + SOON, now + LATER),
        "later": (now + LATER, None),
    }[span]
    running = ~suspended()
    running &= Q() if since is None else Q(due_at__gte=since)
    return running & (Q() if until is None else Q(due_at__lt=until))


def due(now: datetime) -> dict[str, int]:
    """How many open requests are overdue, due within three days, within ten, and later; and how many wait."""
    return open_requests().aggregate(
        **{name: Count("pk", filter=due_in(name, now)) for name in ("overdue", "soon", "next", "later")},
        attention=Count("pk", filter=Q(state=State.NEEDS_ATTENTION)),
        identity=Count("pk", filter=Q(state=State.IDENTITY_PENDING)),
        held=Count("pk", filter=Q(state=State.ON_HOLD)),
    )


@dataclass(frozen=True)
class Pace:
    """How long it took from request to evidence."""

    median: timedelta | None
    requests: int
    """That ended within the time that is looked at."""


def pace(since: datetime, until: datetime) -> Pace:
    """Of the requests that were completed in a span."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY completed_at - received_at), count(*) "
            "FROM unlearning_request WHERE completed_at >= %s AND completed_at < %s",
            [since, until],
        )
        return Pace(*cursor.fetchone())


def ended_by_week(now: datetime) -> list[dict[str, Any]]:
    """For each of the last weeks: how many requests were completed, by conclusion and by the verdict of their check."""
    since = first_week(now)
    found = (
        Request.objects.filter(completed_at__gte=since)
        .values(week=TruncWeek("completed_at", tzinfo=UTC))
        .annotate(
            **{name: Count("pk", filter=Q(conclusion=name)) for name in Request.Conclusion.values},
            **{name: Count("pk", filter=Q(verdict=name)) for name in VERDICTS},
        )
        .order_by("week")
    )
    by_week = {row["week"]: row for row in found}
    empty = dict.fromkeys((*Request.Conclusion.values, *VERDICTS), 0)
    return [by_week.get(week, {"week": week, **empty}) for week in weeks(now)]


def consent_by_week(now: datetime) -> list[dict[str, Any]]:
    """For each of the last weeks: the mean share ratio at its end, and how many raised theirs or lowered it.

    It goes back from the mean of today by what was recorded since, so that it reads recent events alone.
    """
    return cache.get_or_set("consent_by_week", lambda: _consent_by_week(now), _TREND_SECONDS)


def _consent_by_week(now: datetime) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(_MOVES, [first_week(now)])
        moves = {week: moved for week, *moved in cursor.fetchall()}
    state = ConsentState.objects.aggregate(total=Sum("share_percent"), subjects=Count("pk"))
    total, subjects = state["total"] or 0, state["subjects"]
    rows = []
    for week in reversed(weeks(now)):
        raised, lowered, change, new = moves.get(week, (0, 0, 0, 0))
        mean = total / subjects if subjects > 0 else None
        rows.append({"week": week, "mean": mean, "raised": raised, "lowered": lowered})
        total, subjects = total - change, subjects - new
    return rows[::-1]


_MOVES = """
WITH recent AS (
    SELECT event.recorded_at, event.share_percent, before.share_percent AS before
    FROM unlearning_consentevent event
    LEFT JOIN LATERAL (
        SELECT earlier.share_percent FROM unlearning_consentevent earlier
        WHERE earlier.subject_id = event.subject_id AND earlier.id < event.id
        ORDER BY earlier.effective_at DESC, earlier.id DESC LIMIT 1
    ) before ON true
    WHERE event.recorded_at >= %s
)
SELECT date_trunc('week', recorded_at, 'UTC'),
    count(*) FILTER (WHERE share_percent > coalesce(before, 0)),
    count(*) FILTER (WHERE share_percent < coalesce(before, 0)),
    sum(share_percent - coalesce(before, 0)),
    count(*) FILTER (WHERE before IS NULL)
FROM recent GROUP BY 1
"""


def mean_share() -> float | None:
    """The mean share ratio in force, in percent."""
    return ConsentState.objects.aggregate(mean=Avg("share_percent"))["mean"]


@dataclass(frozen=True)
class Serving:
    """A recommender as the first page shows it."""

    recommender: Recommender
    version: ModelVersion | None
    certification: Certification | None
    pending_requests: int
    """Open requests whose data this version learned from."""
    pending_rows: int
    """Interactions that they took back: influence that is still there."""


def models() -> list[Serving]:
    """Every recommender, what serves, and what it has still to forget."""
    pending = {
        row["version"]: row
        for row in Request.reached.through.objects.exclude(request__state__in=FINAL)
        .filter(request__rows_removed_at__isnull=False)
        .values(version=F("modelversion"))
        .annotate(requests=Count("request"), rows=Sum("request__rows_removed"))
    }
    recommenders = list(Recommender.objects.select_related("serving").order_by("name"))
    certified = certifications_of([one.serving for one in recommenders if one.serving])
    nothing = {"requests": 0, "rows": 0}
    return [
        Serving(
            one,
            one.serving,
            certified.get(one.serving_id),
            pending.get(one.serving_id, nothing)["requests"],
            pending.get(one.serving_id, nothing)["rows"],
        )
        for one in recommenders
    ]


def weeks(now: datetime) -> list[datetime]:
    """The first moments of the last weeks, this one included."""
    return [first_week(now) + timedelta(weeks=place) for place in range(WEEKS)]


def first_week(now: datetime) -> datetime:
    """The Monday with which the first of them begins; weeks are UTC's."""
    monday = (now - timedelta(days=now.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    return monday - timedelta(weeks=WEEKS - 1)
