"""The evidence document of one request, from what is on record and what was found."""

from datetime import datetime
from typing import Any

from audits.certification.models import Certification
from audits.certification.services import certifies
from audits.evidence.measurements import as_json, audit_as_json
from audits.evidence.provisions import PROVISIONS, attack_classes
from audits.verification.collateral import paired_change
from audits.verification.plan import LEVELS, AuditPlan
from models_engine.fedshare.code import software
from models_engine.registry.models import ModelVersion
from unlearning.jobs.context import JobContext
from unlearning.jobs.outcome import Attempt, Effects, Outcome
from unlearning.jobs.plans import frozen_at
from unlearning.requests import deadlines
from unlearning.requests.models import Request
from unlearning.requests.retention import kept_until
from unlearning.webhooks.outbox import told_of


def evidence_content(
    request: Request,
    attempts: list[Attempt],
    context: JobContext,
    version: ModelVersion,
    outcome: Outcome,
    gone: list[dict[str, Any]],
    now: datetime,
) -> dict[str, Any]:
    """What the document says, beside what all documents do; its schema is docs/schema/evidence-4.json.

    Args:
        attempts: the rungs that the request went through; the last one concluded it.
        version: that serves from now on.
        gone: what was destroyed for it.
        now: the moment at which it ends.
    """
    last = attempts[-1]
    return {
        "request": _request(request, now),
        "response": {"nature": last.conclusion, "at": now.isoformat(), "denial": None},
        "provisions": [
            {"provision": one.provision, "fields": list(one.fields)} for one in PROVISIONS[request.regime, request.kind]
        ],
        "timeline": _timeline(request, attempts, now),
        "consent": _consent(request),
        "lineage": _lineage(context.version, version, len(context.pairs[request]), request),
        "method": _method(version, last),
        "plan": None if last.judgement.result is None else plan_as_json(AuditPlan.from_json(request.plan)),
        "audit_models": {
            "references": outcome.checks.references,
            "known": outcome.checks.known,
            "job": str(context.job),
        },
        "ladder": [_attempt(attempt) for attempt in attempts],
        "certification": _certification(outcome.certificate, request),
        "utility": _utility(outcome.effects),
        "collateral": None if outcome.effects.collateral is None else as_json(outcome.effects.collateral),
        "conclusion": last.conclusion,
        "attacks": attack_classes(tested=last.judgement.result is not None),
        "destroyed": gone,
        "recipients": told_of(str(request.id)),
        "kept_until": kept_until(now).isoformat(),
    }


def plan_as_json(plan: AuditPlan) -> dict[str, Any]:
    """A plan as documents have it, with what its level can claim."""
    level = LEVELS[plan.level]
    return plan.as_json() | {"digest": plan.digest(), "claim": level.claim, "limit": level.limit}


def _timeline(request: Request, attempts: list[Attempt], now: datetime) -> list[dict[str, Any]]:
    moments = [
        ("received", request.received_at, None),
        ("rows_removed", request.rows_removed_at, None),
        ("scheduled", request.job.created_at, None),
    ]
    if request.plan is not None:
        moments.append(("plan_frozen", frozen_at(request), None))
    for attempt in attempts:
        moments.append(("forgotten", attempt.forgotten_at, attempt.strategy))
        moments.append(("checked", attempt.checked_at, attempt.strategy))
    moments += [("replaced", now, None), ("destroyed", now, None), ("completed", now, None)]
    moments += [(event.action, event.at, None) for event in request.events.all()]
    in_order = sorted(moments, key=lambda moment: moment[1])
    return [{"event": event, "at": at.isoformat(), "strategy": strategy} for event, at, strategy in in_order]


def _request(request: Request, now: datetime) -> dict[str, Any]:
    return {
        "id": str(request.id),
        "kind": request.kind,
        "regime": request.regime,
        "source": request.source,
        "manner": request.manner,
        "scope": request.scope,
        "subjects": [member.commitment for member in request.subjects.order_by("commitment")],
        "share_percent_before": request.share_percent_before,
        "share_percent_after": request.share_percent_after,
        "received_at": request.received_at.isoformat(),
        "rows_removed_at": request.rows_removed_at.isoformat(),
        "rows_removed": request.rows_removed,
        "due_at": request.due_at.isoformat(),
        "deadline": deadlines.as_json(request),
        "completed_at": now.isoformat(),
    }


def _consent(request: Request) -> list[dict[str, Any]]:
    """For each subject the event that covered the data, and the one now in force."""
    members = request.subjects.select_related("subject").order_by("commitment")
    return [
        {
            "subject": member.commitment,
            "events": [
                {
                    "share_percent": event.share_percent,
                    "purposes": event.purposes,
                    "legal_basis": event.legal_basis,
                    "notice_version": event.notice_version,
                    "channel": event.channel,
                    "effective_at": _coarse(event.effective_at, request).isoformat(),
                    "recorded_at": _coarse(event.recorded_at, request).isoformat(),
                }
                for event in member.subject.consent_events.order_by("effective_at", "id")
            ],
        }
        for member in members
    ]


def _coarse(moment: datetime, request: Request) -> datetime:
    """After an erasure the day alone: a moment to the microsecond could be matched with somebody's own records."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0) if request.kind == Request.Kind.ERASE else moment


def _lineage(old: ModelVersion, new: ModelVersion, pairs: int, request: Request) -> dict[str, Any]:
    return {
        "recommender": old.recommender.name,
        "pairs_learned": pairs,
        "versions_reached": [
            {"version": reached.number, "model": reached.digest} for reached in request.reached.order_by("number")
        ],
        "data_root_before": old.dataset.root,
        "data_root_after": new.dataset.root,
        "pairs_before": old.dataset.pairs,
        "pairs_after": new.dataset.pairs,
    }


def _method(version: ModelVersion, attempt: Attempt) -> dict[str, Any]:
    return {
        "strategy": attempt.strategy,
        "exact": attempt.exact,
        "version": version.number,
        "model_before": version.parent.digest,
        "model_after": version.digest,
        "code": version.code_digest,
        "config": version.recommender.fedshare_config().digest(),
        "seed": version.seed,
        "software": software(),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    found = attempt.judgement
    return {
        "strategy": attempt.strategy,
        "exact": attempt.exact,
        "verdict": found.verdict,
        "reason": as_json(found.reason),
        "concluded": attempt.conclusion,
        "forgotten_at": attempt.forgotten_at.isoformat(),
        "checked_at": attempt.checked_at.isoformat(),
        "measurements": None if found.result is None else audit_as_json(found.result),
        "repeated": None if found.repeated is None else audit_as_json(found.repeated),
    }


def _certification(certificate: Certification | None, request: Request) -> dict[str, Any] | None:
    if certificate is None:
        return None
    return {
        "id": str(certificate.id),
        "document": certificate.document.digest,
        "certified": certifies(certificate, request.kind),
        "issued_at": certificate.document.issued_at.isoformat(),
    }


def _utility(effects: Effects) -> dict[str, Any]:
    return {
        "before": as_json(effects.before.mean()),
        "after": as_json(effects.after.mean()),
        "ndcg_change": as_json(paired_change(effects.before.ndcg.numpy(), effects.after.ndcg.numpy())),
    }
