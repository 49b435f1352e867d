"""The policy in force: what an administrator set last, and before that the installation's settings."""

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from audits.evidence import log
from audits.verification.plan import LEVELS, NARROWEST_MARGIN, WIDEST_MARGIN, AssuranceLevel
from unlearning.jobs.models import Policy
from unlearning.requests.errors import BadField

MARGINS = range(round(100 * NARROWEST_MARGIN), round(100 * WIDEST_MARGIN) + 1)
"""Percent."""
LONGEST_WINDOW = 7 * 24 * 3600


@dataclass(frozen=True)
class InForce:
    """How requests are batched and checked."""

    assurance: str
    margin_percent: int
    batch_window: float
    """Seconds."""

    @property
    def level(self) -> AssuranceLevel:
        """The level at which every request is checked."""
        return LEVELS[self.assurance]


def in_force() -> InForce:
    """The policy for what is planned now; a plan that is frozen keeps its own."""
    latest = Policy.objects.first()
    if latest is None:
        return InForce(settings.FEDSHARE_ASSURANCE, MARGINS[-1], settings.FEDSHARE_BATCH_WINDOW)
    return InForce(latest.assurance, latest.margin_percent, latest.batch_window)


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
    policy = Policy.objects.create(
        assurance=wanted.assurance,
        margin_percent=wanted.margin_percent,
        batch_window=int(wanted.batch_window),
        set_by=by,
    )
    log.append(
        "policy.set",
        {
            "assurance": policy.assurance,
            "batch_window": policy.batch_window,
            "margin_percent": policy.margin_percent,
        },
    )
    return policy
