"""Ending requests: their evidence, and the destruction of what was kept for them."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from audits.evidence import log
from audits.evidence.document import EVIDENCE
from audits.evidence.issuing import issue
from audits.reports.signer import signer_fingerprint
from models_engine.registry.models import ModelVersion
from unlearning.jobs.context import JobContext
from unlearning.jobs.evidence import evidence_content
from unlearning.jobs.outcome import Attempt, Outcome
from unlearning.lineage.subjects import shred
from unlearning.requests.models import Request
from unlearning.requests.states import State
from unlearning.webhooks import catalogue
from unlearning.webhooks.outbox import emit


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
    content = evidence_content(request, attempts, context, version, outcome, gone, now)
    request.evidence = issue(EVIDENCE, request.id, signer_fingerprint(), content, now)
    request.conclusion, request.verdict = attempts[-1].conclusion, attempts[-1].judgement.verdict
    request.completed_at, request.state = now, State.COMPLETED
    request.save(update_fields=["conclusion", "verdict", "completed_at", "evidence", "state"])
    emit(
        catalogue.COMPLETED,
        {
            "request": str(request.id),
            "kind": request.kind,
            "state": request.state,
            "conclusion": request.conclusion,
        },
        request.senders(),
    )


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
