"""Ending a request: its evidence, and the destruction of what was kept for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from audits.evidence import log
from audits.evidence.canonical import canonical_json
from audits.evidence.document import ISSUED, canonical_digest, validate
from audits.evidence.keys import log_verifier_key, signer_fingerprint
from audits.verification.plan import QUICK, AuditPlan
from audits.verification.protocol import AuditResult
from audits.verification.verdict import Conclusion, Verdict
from models_engine.evaluation.ranking import RankingQuality
from models_engine.registry.models import ModelVersion
from unlearning.jobs.measurements import audit_as_json
from unlearning.lineage.subjects import shred
from unlearning.requests.models import Evidence, Request
from unlearning.requests.states import State


@dataclass(frozen=True)
class Attempt:
    """One rung of the ladder, and what the check found there."""

    strategy: str
    exact: bool
    verdict: Verdict
    reason: str
    conclusion: Conclusion | None
    result: AuditResult | None
    """None where the model had learned from none of the pairs."""


def complete_request(
    *,
    request: Request,
    version: ModelVersion,
    learned_version: ModelVersion,
    attempts: list[Attempt],
    plan: AuditPlan,
    pairs: int,
    qualities: tuple[RankingQuality, RankingQuality],
    destroyed: list[ModelVersion],
) -> None:
    """Issue the evidence document, destroy what ends with the request, and complete it.

    Call it in the transaction that lets the new version serve.
    """
    now = timezone.now()
    gone = _destroy(request, destroyed, now)
    document = validate(
        {
            "schema": "fedshare-evidence/1",
            "controller": settings.FEDSHARE_CONTROLLER,
            "request": _request(request, now),
            "consent": _consent(request),
            "lineage": _lineage(learned_version, version, pairs, request),
            "method": _method(version, attempts[-1]),
            "plan": plan.as_json() | {"digest": plan.digest(), "claim": QUICK.claim, "limit": QUICK.limit},
            "ladder": [_attempt(attempt) for attempt in attempts],
            "utility": {
                "before": _quality(qualities[0]),
                "after": _quality(qualities[1]),
            },
            "conclusion": attempts[-1].conclusion,
            "destroyed": gone,
            "recipients": [],
            "log": {"origin": settings.FEDSHARE_LOG_ORIGIN, "key": log_verifier_key()},
            "signer_certificate_sha256": signer_fingerprint(),
        }
    )
    # Entry and document state the same moment, so that the entry can be rebuilt from the document.
    entry = log.append(ISSUED, {"document": canonical_digest(document), "request": str(request.id)}, now)
    Evidence.objects.create(request=request, canonical=canonical_json(document).decode(), log_index=entry.index)
    request.conclusion = attempts[-1].conclusion
    request.completed_at, request.state = now, State.COMPLETED
    request.save(update_fields=["conclusion", "completed_at", "state"])


def _destroy(request: Request, versions: list[ModelVersion], now: datetime) -> list[dict[str, str]]:
    """Destroy the sealed forget set and, after an erasure, the subjects' keys. Returns what went."""
    what = [f"model version {old.number} (SHA-256 {old.digest})" for old in versions]
    request.forget_set.delete()
    what.append("sealed forget set of this request and its key")
    if request.kind == Request.Kind.ERASE:
        for member in request.subjects.select_related("subject"):
            if member.subject.erased_at is None:
                shred(member.subject)
        what.append(f"identity digests and keys of {request.subjects.count()} subject(s)")
    log.append("destroyed", {"request": str(request.id), "what": what})
    return [{"what": item, "at": now.isoformat()} for item in what]


def _request(request: Request, now: datetime) -> dict[str, Any]:
    return {
        "id": str(request.id),
        "kind": request.kind,
        "regime": request.regime,
        "source": request.source,
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
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {
        "strategy": attempt.strategy,
        "exact": attempt.exact,
        "verdict": attempt.verdict,
        "reason": attempt.reason,
        "concluded": attempt.conclusion,
        "measurements": None if attempt.result is None else audit_as_json(attempt.result),
    }


def _quality(quality: RankingQuality) -> dict[str, Any]:
    return {"recall": quality.recall, "ndcg": quality.ndcg, "k": quality.k, "subjects": quality.subjects}
