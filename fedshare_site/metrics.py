"""`/metrics` for Prometheus: what stands in the database, read when asked for, so that every process says the same.

No label names a customer, a sender or a request.
"""

import hmac
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Count, Min
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from audits.evidence import log
from audits.evidence.models import WaitingEntry
from unlearning.jobs.leasing import silent
from unlearning.jobs.models import Job
from unlearning.requests.deadlines import suspended
from unlearning.requests.models import Request
from unlearning.requests.states import FINAL, State
from unlearning.webhooks.models import Delivery


@require_safe
def metrics(http: HttpRequest) -> HttpResponse:
    """The metrics, for whoever has the token."""
    expected = f"Bearer {settings.FEDSHARE_METRICS_TOKEN}"
    if not settings.FEDSHARE_METRICS_TOKEN or not hmac.compare_digest(
        http.headers.get("Authorization", "").encode(), expected.encode()
    ):
        raise Http404
    registry = CollectorRegistry()
    registry.register(_Stored())
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Stored(Collector):
    """Gauges over the tables."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """See `Collector.collect`."""
        yield _by_state("fedshare_requests", "Requests by state", Request, State.values)
        yield _by_state("fedshare_jobs", "Jobs by state", Job, Job.State.values)
        yield _oldest(
            "fedshare_requests_oldest_seconds",
            "Since the first came in or was accepted",
            Request,
            _WAITS_SINCE,
        )
        yield _oldest("fedshare_jobs_oldest_seconds", "Since the first was made or worked on", Job, _QUEUED_SINCE)
        yield _one("fedshare_jobs_silent", "Running jobs whose lease is over", Job.objects.filter(silent()).count())
        open_requests = Request.objects.exclude(state__in=FINAL)
        now = timezone.now()
        running = open_requests.exclude(suspended())
        overdue = running.filter(due_at__lt=now).count()
        yield _one("fedshare_requests_overdue", "Open requests past their period", overdue)
        first = running.aggregate(first=Min("due_at"))["first"]
        if first is not None:
            yield _one("fedshare_first_due_seconds", "Until the first period ends", (first - now).total_seconds())
        waiting = Delivery.objects.filter(state=Delivery.State.PENDING, endpoint__disabled_at=None).count()
        yield _one("fedshare_deliveries_waiting", "Webhook deliveries that are still to be made", waiting)
        yield _one("fedshare_log_entries", "Entries of the transparency log with their places", log.size())
        yield _one("fedshare_log_waiting", "Entries that wait for their places", WaitingEntry.objects.count())


def _by_state(name: str, says: str, model: type[Request] | type[Job], states: list[str]) -> GaugeMetricFamily:
    counted = dict(model.objects.values_list("state").annotate(n=Count("pk")))
    family = GaugeMetricFamily(name, says, labels=["state"])
    for state in states:
        family.add_metric([state], counted.get(state, 0))
    return family


_WAITS_SINCE = Coalesce("rows_removed_at", "received_at")
_QUEUED_SINCE = Coalesce("not_before", "phase_at", "created_at")


def _oldest(name: str, says: str, model: type[Request] | type[Job], since: Coalesce) -> GaugeMetricFamily:
    """Of those that are open: what waits for a worker or a beat that is not there grows old."""
    family = GaugeMetricFamily(name, says, labels=["state"])
    ended = FINAL if model is Request else (Job.State.DONE, Job.State.CANCELLED)
    first = model.objects.exclude(state__in=ended).values_list("state").annotate(first=Min(since))
    for state, moment in first:
        family.add_metric([state], (timezone.now() - moment).total_seconds())
    return family


def _one(name: str, says: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, says, value=value)
