"""The plans of a job's audits: made once, put on record, and read back by every later attempt."""

from datetime import datetime

import numpy as np
from django.db.models.fields.json import KT

from audits.evidence import log
from audits.evidence.models import LogEntry
from audits.verification.engine import AFTER_ERASURE, AFTER_UNSHARING
from audits.verification.plan import LEVELS, AuditPlan
from models_engine.fedshare.data import Edges
from unlearning.jobs.context import JobContext
from unlearning.requests import policy
from unlearning.requests.models import Request

FROZEN = "plan.frozen"
"""Kind of the log entry that holds a plan's digest."""


def freeze_plans(context: JobContext) -> dict[Request, AuditPlan]:
    """The plan of every request of which something can be looked for; call it in a transaction.

    Raises:
        AuditError: a plan was changed since it was put on record.
    """
    plans = {}
    seeds = _seeds(context)
    for request in context.requests:
        statistics = _statistics(request, context)
        if not statistics:
            continue
        if request.plan is None:
            chosen = policy.in_force()
            level = chosen.level
            plan = AuditPlan.at(
                level, statistics, seeds[: level.trainings], request.id.int % 2**53, chosen.margin_percent / 100
            )
            request.plan = plan.as_json()
            request.save(update_fields=["plan"])
            log.append(FROZEN, {"plan": plan.digest(), "request": str(request.id)})
        plans[request] = AuditPlan.from_json(request.plan)
        plans[request].assert_frozen(frozen_digest(request))
    return plans


def frozen_digest(request: Request) -> str:
    """The digest that the log has of a request's plan."""
    return _entry(request).payload["plan"]


def frozen_at(request: Request) -> datetime:
    """When it was put there."""
    return _entry(request).recorded_at


def _entry(request: Request) -> LogEntry:
    # The last one: an earlier plan was withdrawn with its job.
    found = LogEntry.objects.filter(kind=FROZEN).alias(about=KT("payload__request"))
    return found.filter(about=str(request.id)).latest("pk")


def _statistics(request: Request, context: JobContext) -> tuple[str, ...]:
    """What can be looked at: rows of subjects who stay, and pairs by the others of their subject."""
    pairs = context.pairs[request]
    stays = request.kind == Request.Kind.UNSHARE and not context.task.erased[pairs.subjects].any()
    wanted = AFTER_UNSHARING if stays else AFTER_ERASURE
    return tuple(name for name in wanted if name.startswith("pairs_") or _has_context(pairs)) if len(pairs) else ()


def _has_context(pairs: Edges) -> bool:
    return bool((pairs.subjects.bincount() > 1).any())


def _seeds(context: JobContext) -> tuple[int, ...]:
    """Seeds that nobody chose: drawn from the job's random id, enough for every level."""
    generator = np.random.default_rng(context.job.int)
    most = max(level.trainings for level in LEVELS.values())
    return tuple(int(seed) for seed in generator.choice(2**53, most, replace=False))
