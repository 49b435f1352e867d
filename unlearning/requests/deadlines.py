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
    year, month = divmod(received_at.month, 12)
    year, month = received_at.year + year, month + 1
    day = min(received_at.day, calendar.monthrange(year, month)[1])
    return received_at.replace(year=year, month=month, day=day)
