"""The first page of the morning: what is due, what is stuck, what was proven."""

from datetime import timedelta
from typing import Any

from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from unlearning.dashboard import figures, plots
from unlearning.dashboard.access import page
from unlearning.dashboard.requests.listing import shown
from unlearning.dashboard.settings.webhooks import SWITCHED_OFF
from unlearning.jobs.models import Job
from unlearning.requests.deadlines import suspended
from unlearning.requests.models import Proposal
from unlearning.requests.states import State
from unlearning.webhooks.models import Delivery, Endpoint

_FIRST = 8
_TRIES = 3
"""At a delivery, from which on somebody should look why it is not accepted."""
_SPAN = timedelta(days=90)


@page()
def home(http: HttpRequest) -> HttpResponse:
    """Today."""
    now = timezone.now()
    first = figures.open_requests().exclude(suspended()).order_by("due_at")[:_FIRST]
    context = {
        "due": figures.due(now),
        "first": shown(first, now),
        "attention": _attention(http),
        "pace": figures.pace(now - _SPAN, now),
        "pace_before": figures.pace(now - 2 * _SPAN, now - _SPAN),
        "mean_share": figures.mean_share(),
        "models": figures.models(),
    }
    return render(http, "dashboard/home.html", context)


@page()
def trends(http: HttpRequest) -> HttpResponse:
    """The figures of the plots, as tables."""
    now = timezone.now()
    context = {
        "verdicts": figures.VERDICTS,
        "ended": figures.ended_by_week(now),
        "consent": figures.consent_by_week(now),
    }
    return render(http, "dashboard/trends.html", context)


@page()
def conclusions_plot(http: HttpRequest) -> HttpResponse:
    """Requests that ended, by week and conclusion."""
    return plots.answer(http, plots.conclusions(figures.ended_by_week(timezone.now())))


@page()
def consent_plot(http: HttpRequest) -> HttpResponse:
    """Mean share ratio, and decisions, by week."""
    return plots.answer(http, plots.consent(figures.consent_by_week(timezone.now())))


def _attention(http: HttpRequest) -> dict[str, Any]:
    """What waits for somebody, and why."""
    waiting = figures.open_requests()
    troubled = waiting.filter(state=State.NEEDS_ATTENTION).select_related("job").order_by("due_at")
    registered = Endpoint.objects.registered()
    proposals = Proposal.objects.filter(decided_at=None).select_related("request")
    return {
        "troubled": list(troubled[:_FIRST]),
        "proposals": [
            {"proposal": one, "mine": one.proposed_by == http.user.get_username()} for one in proposals[:_FIRST]
        ],
        "paused": list(waiting.filter(job__state=Job.State.PAUSED).order_by("due_at")[:_FIRST]),
        "held": list(waiting.filter(state=State.ON_HOLD, rows_removed_at__isnull=False).order_by("due_at")[:_FIRST]),
        "silenced": list(registered.exclude(disabled_at=None).exclude(disabled_because=SWITCHED_OFF)[:_FIRST]),
        "unreached": list(
            registered.filter(disabled_at=None, deliveries__state=Delivery.State.PENDING, deliveries__tries__gte=_TRIES)
            .annotate(waiting=Count("deliveries"))
            .order_by("name")[:_FIRST]
        ),
    }
