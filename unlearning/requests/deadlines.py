"""When a request is due, on the calendar that was in force when it came in."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import F, Q

from audits.evidence.periods import Clock, due_at
from unlearning.requests.calendars import Calendar
from unlearning.requests.models import Request


def deadline(
    regime: str,
    received_at: datetime,
    calendar: Calendar,
    *,
    paused: timedelta = timedelta(0),
    extended: bool = False,
) -> datetime:
    """End of the period for an answer; see `audits.evidence.periods.due_at`."""
    return due_at(regime, received_at, calendar.clock(received_at, paused, extended)).astimezone(ZoneInfo("UTC"))


def deadline_of(request: Request, *, extended: bool) -> datetime:
    """That of a request, as it stands or if its period were extended."""
    return deadline(request.regime, request.received_at, calendar_of(request), paused=request.paused, extended=extended)


def calendar_of(request: Request) -> Calendar:
    """By which a request's period is counted."""
    if not request.time_zone:  # taken in by a release that did not keep it
        return installed_calendar()
    return Calendar(request.time_zone, request.holidays)


def installed_calendar() -> Calendar:
    """That of the installation's settings."""
    return Calendar(settings.FEDSHARE_TIME_ZONE, settings.FEDSHARE_HOLIDAYS)


def last_day(request: Request) -> date:
    """The last day of its period, which ends with the first moment after it."""
    return last_day_before(request.due_at, request)


def last_day_before(end: datetime, request: Request) -> date:
    """The last day of a request's period, if it had another end."""
    return (end - timedelta(microseconds=1)).astimezone(ZoneInfo(calendar_of(request).zone)).date()


def paused_until(now: datetime, request: Request) -> timedelta:
    """How long a doubt about the requester's identity has stopped the clock."""
    if not stands_still(request):
        return request.paused
    return request.paused + timedelta(seconds=int((now - request.identity_asked_at).total_seconds()))


def stands_still(request: Request) -> bool:
    """Whether a doubt about the requester's identity suspends the period (GDPR art. 12(6)); not one that is over."""
    asked_at = request.identity_asked_at
    return request.regime == Request.Regime.GDPR and asked_at is not None and asked_at < request.due_at


def suspended() -> Q:
    """The same for rows."""
    return Q(regime=Request.Regime.GDPR, identity_asked_at__lt=F("due_at"))


def as_json(request: Request) -> dict[str, Any]:
    """What moved the end of a request's period, as documents have it."""
    extended = request.extended_at is not None
    moved = {day for longer in {False, extended} for day in _in_the_way(request, longer)}
    return {
        "zone": calendar_of(request).zone,
        "holidays": sorted(day.isoformat() for day in moved),
        "paused_seconds": int(request.paused.total_seconds()),
        "extended": {"at": request.extended_at.isoformat(), "reason": request.extension_reason} if extended else None,
    }


def _in_the_way(request: Request, extended: bool) -> list[date]:
    """Public holidays, beside weekends, on which the period would have ended."""
    found: list[date] = []
    if request.regime == Request.Regime.CCPA:  # days of the calendar: nothing moves their end
        return found
    full = calendar_of(request).clock(request.received_at, request.paused, extended)
    while (end := _last_day(request, Clock(full.zone, found, full.paused, extended))) in full.holidays:
        found.append(end)
    return found


def _last_day(request: Request, counted: Clock) -> date:
    return (due_at(request.regime, request.received_at, counted) - timedelta(microseconds=1)).date()
