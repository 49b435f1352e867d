"""The policy in force: what an administrator set last, and before that the installation's settings."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from audits.evidence import log
from audits.verification.plan import LEVELS, NARROWEST_MARGIN, WIDEST_MARGIN, AssuranceLevel
from unlearning.requests.calendars import Calendar, known_place
from unlearning.requests.deadlines import installed_calendar
from unlearning.requests.errors import BadField
from unlearning.requests.models import Policy

MARGINS = range(round(100 * NARROWEST_MARGIN), round(100 * WIDEST_MARGIN) + 1)
"""Percent."""
LONGEST_WINDOW = 7 * 24 * 3600
URGENT_DAYS = range(1, 22)
_USUALLY_URGENT = 3


@dataclass(frozen=True)
class InForce:
    """How requests are batched and checked, and how their periods are counted."""

    assurance: str
    margin_percent: int
    batch_window: float
    """Seconds."""
    urgent_days: int
    """So long before its period ends, a request waits for no others any more."""
    holidays: str
    """On which no period ends: see `Calendar`."""

    @property
    def level(self) -> AssuranceLevel:
        """The level at which every request is checked."""
        return LEVELS[self.assurance]

    @property
    def urgent(self) -> timedelta:
        """`urgent_days` as a span."""
        return timedelta(days=self.urgent_days)

    @property
    def calendar(self) -> Calendar:
        """By which the period of a request that comes in now is counted."""
        return Calendar(settings.FEDSHARE_TIME_ZONE, self.holidays)


def in_force() -> InForce:
    """The policy for what is planned now; a plan that is frozen, and a period that runs, keep their own."""
    latest = Policy.objects.first()
    installed = installed_calendar().holidays
    if latest is None:
        return InForce(
            settings.FEDSHARE_ASSURANCE, MARGINS[-1], settings.FEDSHARE_BATCH_WINDOW, _USUALLY_URGENT, installed
        )
    return InForce(
        latest.assurance,
        latest.margin_percent,
        latest.batch_window,
        latest.urgent_days,
        installed if latest.holidays is None else latest.holidays,
    )


@transaction.atomic
def set_policy(wanted: InForce, by: str) -> Policy:
    """Put a policy in force, and on record.

    Raises:
        BadField: a value is out of its range; nothing is done.
    """
    if wanted.assurance not in LEVELS:
        raise BadField("assurance", f"give one of {', '.join(LEVELS)}")
    if wanted.margin_percent not in MARGINS:
        raise BadField("margin_percent", f"give {MARGINS[0]} to {MARGINS[-1]}")
    if not 0 <= wanted.batch_window <= LONGEST_WINDOW:
        raise BadField("batch_window", f"give 0 to {LONGEST_WINDOW} seconds")
    if wanted.urgent_days not in URGENT_DAYS:
        raise BadField("urgent_days", f"give {URGENT_DAYS[0]} to {URGENT_DAYS[-1]} days")
    if wanted.holidays and known_place(wanted.holidays) != wanted.holidays:
        raise BadField("holidays", "give a country such as FR, or a region such as DE-BY")
    told = {
        "assurance": wanted.assurance,
        "batch_window": int(wanted.batch_window),
        "holidays": wanted.holidays,
        "margin_percent": wanted.margin_percent,
        "urgent_days": wanted.urgent_days,
    }
    log.append("policy.set", told)
    return Policy.objects.create(**told, set_by=by)
