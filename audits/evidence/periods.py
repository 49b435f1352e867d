"""Periods that the law counts in calendar months or days."""

import calendar
from datetime import datetime, timedelta

_CCPA_PERIOD = timedelta(days=45)
FEWEST_MONTHS_KEPT = 24
"""11 CCR § 7101(a)."""


def due_at(regime: str, received_at: datetime) -> datetime:
    """End of the period that a regime allows for an answer.

    GDPR art. 12(3): one month. CCPA, Cal. Civ. Code § 1798.130(a)(2): 45 days.
    """
    return received_at + _CCPA_PERIOD if regime == "ccpa" else months_after(received_at, 1)


def months_after(moment: datetime, months: int) -> datetime:
    """The same day so many calendar months later, or the month's last (Regulation 1182/71 art. 3(2)(c))."""
    year, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + year, month + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return moment.replace(year=year, month=month, day=day)
