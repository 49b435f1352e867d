"""When a request must be answered."""

import calendar
from datetime import datetime, timedelta

from unlearning.requests.models import Request

_CCPA_PERIOD = timedelta(days=45)


def due_at(regime: str, received_at: datetime) -> datetime:
    """End of the period that the regime allows.

    GDPR art. 12(3): one month. CCPA, Cal. Civ. Code § 1798.130(a)(2): 45 days.
    """
    if regime == Request.Regime.CCPA:
        return received_at + _CCPA_PERIOD
    return months_after(received_at, 1)


def months_after(moment: datetime, months: int) -> datetime:
    """The same day so many calendar months later, or the month's last (Regulation 1182/71 art. 3(2)(c))."""
    year, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + year, month + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return moment.replace(year=year, month=month, day=day)
