"""What moves the end of a request's period: a doubt about identity that ends, and others who asked for the same."""

from datetime import datetime, timedelta

from django.utils import timezone

from unlearning.requests import policy
from unlearning.requests.deadlines import deadline, deadline_of, paused_until, stands_still
from unlearning.requests.models import Request

FIELDS = ["regime", "received_at", "time_zone", "holidays", "paused", "identity_asked_at", "due_at"]
"""Of a request, for whoever saves what is done here."""


def go_on(request: Request) -> None:
    """End a doubt about identity, which suspends the period under the GDPR (EDPB Guidelines 01/2022, 157).

    California's goes on meanwhile, and who asked later waited less: another's period may end first now.
    """
    asked_at, now = request.identity_asked_at, timezone.now()
    if asked_at is None:
        return
    stood_still = stands_still(request)
    request.paused, request.identity_asked_at = paused_until(now, request), None
    request.due_at = deadline_of(request, extended=request.extended_at is not None)
    for merged in request.duplicates.all():
        waited = int((now - max(asked_at, merged.received_at)).total_seconds()) if stood_still else 0
        hasten(request, merged.regime or request.regime, merged.received_at, timedelta(seconds=waited))


def begin_with(request: Request, regime: str, received_at: datetime) -> None:
    """Have the period be that of those who still ask, of whom one did so at a moment; it stays extended if it was."""
    calendar = policy.in_force().calendar
    request.regime, request.received_at, request.paused = regime, received_at, timedelta(0)
    request.time_zone, request.holidays = calendar.zone, calendar.holidays
    if request.identity_asked_at is not None:
        request.identity_asked_at = max(request.identity_asked_at, received_at)
    request.due_at = deadline(regime, received_at, calendar, extended=request.extended_at is not None)
    for merged in request.duplicates.all():
        hasten(request, merged.regime or regime, merged.received_at)


def hasten(request: Request, regime: str, received_at: datetime, paused: timedelta = timedelta(0)) -> None:
    """Have the answer due when the first of those who asked must have it; a period that was extended stays.

    Args:
        paused: how long a doubt suspended this one's period; nothing suspends California's.
    """
    calendar = policy.in_force().calendar
    if regime == Request.Regime.CCPA:
        paused = timedelta(0)
    theirs = deadline(regime, received_at, calendar, paused=paused)
    if theirs >= request.due_at or request.extended_at is not None:
        return
    request.regime, request.received_at, request.paused, request.due_at = regime, received_at, paused, theirs
    request.time_zone, request.holidays = calendar.zone, calendar.holidays
