"""Periods that the law counts in calendar months or days."""

import calendar
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_CCPA_DAYS = 45
_WEEKEND = (5, 6)
FEWEST_MONTHS_KEPT = 24
"""11 CCR § 7101(a)."""


@dataclass(frozen=True)
class Clock:
    """What moves the end of a request's period."""

    zone: str
    """IANA name of the time zone whose days are counted."""
    holidays: Collection[date] = ()
    """Public holidays on which a period can't end (Regulation 1182/71 art. 3(4))."""
    paused: timedelta = timedelta(0)
    """How long the requester's identity was in doubt (GDPR art. 12(6); EDPB Guidelines 01/2022, 157)."""
    extended: bool = False
    """GDPR art. 12(3): two further months. Cal. Civ. Code § 1798.130(a)(2): 45 further days."""


def due_at(regime: str, received_at: datetime, clock: Clock) -> datetime:
    """End of the period that a regime allows for an answer: the first moment after its last day.

    GDPR art. 12(3): one month, or three. The day of receipt is not counted; the period ends with the last hour of the
    day with the same date, or else of the month's last, and not on a Saturday, Sunday or holiday (Regulation 1182/71
    art. 3). CCPA, Cal. Civ. Code § 1798.130(a)(2): 45 calendar days, or 90, which nothing
    interrupts (11 CCR § 7021(b)).
    """
    zone = ZoneInfo(clock.zone)
    received = received_at.astimezone(zone).date()
    if regime == "ccpa":
        last = received + timedelta(days=_CCPA_DAYS * (2 if clock.extended else 1))
    else:
        last = month_after(received, 3 if clock.extended else 1) + timedelta(days=clock.paused.days)
        while is_free(last, clock.holidays):
            last += timedelta(days=1)
    return datetime.combine(last + timedelta(days=1), time(), zone)


def may_extend_until(regime: str, received_at: datetime, clock: Clock) -> datetime:
    """Until when the requester must be told of an extension: the end of the first period."""
    return due_at(regime, received_at, Clock(clock.zone, clock.holidays, clock.paused))


def is_free(day: date, holidays: Collection[date]) -> bool:
    """Whether it is a Saturday, a Sunday or a public holiday."""
    return day.weekday() in _WEEKEND or day in holidays


def months_after(moment: datetime, months: int) -> datetime:
    """The same hour so many calendar months later, or of the month's last day (Regulation 1182/71 art. 3(2)(c))."""
    return datetime.combine(month_after(moment.date(), months), moment.timetz())


def month_after(day: date, months: int) -> date:
    """The same date so many months later, or the month's last day."""
    year, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + year, month + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))
