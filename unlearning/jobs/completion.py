"""Ending requests: their evidence, and the destruction of what was kept for them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from audits.certification.models import Certification
from audits.certification.services import certifies
from audits.evidence import log
from audits.evidence.document import EVIDENCE
from audits.evidence.issuing import issue
from audits.evidence.measurements import as_json, audit_as_json
from audits.evidence.provisions import ATTACKS, PROVISIONS
from audits.reports.signer import signer_fingerprint
from audits.verification.collateral import CollateralResult, paired_change
from audits.verification.plan import LEVELS, AuditPlan
from audits.verification.verdict import Conclusion
from models_engine.evaluation.ranking import SubjectQuality
from models_engine.fedshare.code import software
from models_engine.registry.models import ModelVersion
from unlearning.jobs.checking import Checks, Judgement
from unlearning.jobs.context import JobContext
from unlearning.jobs.plans import frozen_at
from unlearning.lineage.subjects import shred
from unlearning.requests.models import Request
from unlearning.requests.retention import kept_until
from unlearning.requests.states import State


@dataclass(frozen=True)
class Attempt:
    """One rung of the ladder, and what the check found there."""

    strategy: str
    exact: bool
    judgement: Judgement
    conclusion: Conclusion | None
    forgotten_at: datetime
    checked_at: datetime


@dataclass(frozen=True)
class Effects:
    """What a rung did to those who stay."""

    before: SubjectQuality
    after: SubjectQuality
    collateral: CollateralResult | None


@dataclass(frozen=True)
class Outcome:
    """What a rung settled, and all that its evidence speaks of."""

    concluded: dict[Request, list[Attempt]]
    effects: Effects
    checks: Checks
    certificate: Certification | None


def complete_requests(
    context: JobContext, version: ModelVersion, outcome: Outcome, destroyed: list[ModelVersion]
) -> None:
    """Issue evidence for the requests that a rung settled, and complete them.

    Call it in the transaction that lets the new version serve.
    """
    for request, attempts in outcome.concluded.items():
        _complete(request, attempts, context, version, outcome, destroyed)


def _complete(
    request: Request,
    attempts: list[Attempt],
    context: JobContext,
    version: ModelVersion,
    outcome: Outcome,
    destroyed: list[ModelVersion],
) -> None:
    now = timezone.now()
    gone = _destroy(request, destroyed, now)
    last = attempts[-1]
    content = {
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
        "attacks": ATTACKS,
        "destroyed": gone,
        "recipients": [],
        "kept_until": kept_until(now).isoformat(),
    }
    request.evidence = issue(EVIDENCE, request.id, signer_fingerprint(), content, now)
    request.conclusion = last.conclusion
    request.completed_at, request.state = now, State.COMPLETED
    request.save(update_fields=["conclusion", "completed_at", "evidence", "state"])


def plan_as_json(plan: AuditPlan) -> dict[str, Any]:
    """A plan as documents have it, with what its level can claim."""
    level = LEVELS[plan.level]
    return plan.as_json() | {"digest": plan.digest(), "claim": level.claim, "limit": level.limit}


def _destroy(request: Request, versions: list[ModelVersion], now: datetime) -> list[dict[str, Any]]:
    """Destroy the sealed forget set and, after an erasure, the subjects' keys. Returns what went."""
    gone = [_gone("model_version", "deleted", now, version=old.number, sha256=old.digest) for old in versions]
    request.forget_set.delete()
    gone.append(_gone("forget_set", "key_destroyed", now))
    if request.kind == Request.Kind.ERASE:
        members = request.subjects.select_related("subject")
        for member in members:
            if member.subject.erased_at is None:
                shred(member.subject)
        gone.append(_gone("subject_keys", "key_destroyed", now, count=len(members)))
    log.append("destroyed", {"request": str(request.id), "what": gone})
    return gone


def _gone(item: str, method: str, now: datetime, **details: Any) -> dict[str, Any]:
    return {
        "item": item,
        "count": 1,
        "version": None,
        "sha256": None,
        "method": method,
        "at": now.isoformat(),
    } | details


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
    in_order = sorted(moments, key=lambda moment: moment[1])
    return [{"event": event, "at": at.isoformat(), "strategy": strategy} for event, at, strategy in in_order]


def _request(request: Request, now: datetime) -> dict[str, Any]:
    return {
        "id": str(request.id),
        "kind": request.kind,
        "regime": request.regime,
        "source": request.source,
        "manner": "api",
        "subjects": [member.commitment for member in request.subjects.order_by("commitment")],
        "share_percent_before": request.share_percent_before,
        "share_percent_after": request.share_percent_after,
        "received_at": request.received_at.isoformat(),
        "rows_removed_at": request.rows_removed_at.isoformat(),
        "rows_removed": request.rows_removed,
        "due_at": request.due_at.isoformat(),
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
                    "effective_at": event.effective_at.isoformat(),
                    "recorded_at": event.recorded_at.isoformat(),
                }
                for event in member.subject.consent_events.order_by("effective_at", "id")
            ],
        }
        for member in members
    ]


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
