"""What moves the end of a request's period: a doubt about identity that ends, and others who asked for the same."""

from datetime import datetime

from django.utils import timezone

from unlearning.requests import policy
from unlearning.requests.deadlines import deadline, deadline_of, paused_until
from unlearning.requests.models import Request

FIELDS = ["regime", "received_at", "time_zone", "holidays", "paused", "identity_asked_at", "due_at"]
"""Of a request, for whoever saves what is done here."""


def go_on(request: Request) -> None:
    """End a doubt about identity, which suspends the period under the GDPR (EDPB Guidelines 01/2022, 157).

    California's goes on meanwhile, so that the one of somebody else who asked for the same may end first now.
    """
    if request.identity_asked_at is None:
        return
    request.paused, request.identity_asked_at = paused_until(timezone.now(), request), None
    request.due_at = deadline_of(request, extended=request.extended_at is not None)
    for merged in request.duplicates.all():
        hasten(request, merged.regime or request.regime, merged.received_at)


def hasten(request: Request, regime: str, received_at: datetime) -> None:
    """Have the answer due when the first of those who asked must have it; a period that was extended stays."""
    calendar = policy.in_force().calendar
    theirs = deadline(regime, received_at, calendar)
    if theirs >= request.due_at or request.extended_at is not None:
        return
    request.regime, request.received_at = regime, received_at
    request.time_zone, request.holidays = calendar.zone, calendar.holidays
    request.due_at = deadline_of(request, extended=False)
