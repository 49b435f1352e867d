"""A complete evidence document with invented numbers, and the log entry that commits to it."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from audits.evidence import log
from audits.evidence.document import CERTIFICATION as CERTIFICATION_SCHEMA
from audits.evidence.document import EVIDENCE, log_entry, validate
from audits.evidence.keys import log_verifier_key, signer_files, signer_fingerprint
from audits.reports import certification, request
from audits.reports.signing import sign_pdf
from audits.verification.plan import CERTIFICATION, QUICK, AssuranceLevel, AuditPlan
from audits.verification.results import DISTANCES, SAMPLES

COMPLETED = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
HASH = "ab" * 32


DETECTION = {"t": 0.4, "p": 0.7, "rank_p": 0.6}
INTERVAL = {"estimate": 0.02, "low": -0.1, "high": 0.14, "confidence": 0.9}
PLAN = AuditPlan.at(QUICK, ("fold_in_on_item_rows",), tuple(range(19)), 7)


def sample_measurements(plan: AuditPlan = PLAN, models: int = 1) -> dict[str, Any]:
    """A check that found removal within the margin."""
    attack = {
        "auc": INTERVAL | {"estimate": 0.5, "low": 0.46, "high": 0.54, "confidence": 0.95},
        "tpr": INTERVAL | {"estimate": 0.01, "low": 0.0, "high": 0.05, "confidence": 0.95},
        "tpr_at_a_thousandth": None,
        "auc_known": 0.9,
        "auc_detection": DETECTION,
        "tpr_detection": DETECTION,
    }
    return {
        "plan_digest": plan.digest(),
        "pairs": 36,
        "subjects": 1,
        "models": models,
        "membership": [
            {
                "name": "fold_in_on_item_rows",
                "after": 1.5,
                "known": 6.0,
                "reference_mean": 1.4,
                "reference_sd": 0.02,
                "control": DETECTION | {"p": 1e-9},
                "detection": DETECTION,
                "influence": INTERVAL | {"estimate": (1.5 - 1.4) / (6.0 - 1.4)},
                "equivalence_p": 0.001,
                "power": 0.995,
                "models_needed": 12,
                "attacks": [attack | {"name": name} for name in plan.attacks_on(models)],
            }
        ],
        "distances": [
            {
                "name": name,
                "known": 0.5,
                "after": 0.31,
                "reference_mean": 0.3,
                "reference_sd": 0.02,
                "percentile": 60.0,
                "detection": DETECTION,
            }
            for name in DISTANCES
        ],
        "samples": [
            {"name": name, "distance": 0.01, "known": 2.0, "p": 0.4, "permutations": 9999}
            for name in (SAMPLES if models > 1 else ())
        ],
        "epsilon": None,
        "apart": [],
        "histogram": {
            "edges": [0.0, 1.0, 2.0],
            "known": [0.2, 0.8],
            "after": [0.5, 0.5],
            "references": [0.5, 0.5],
        },
    }


def sample_document(**changes: Any) -> dict[str, Any]:
    """An erasure that contrastive unlearning concluded."""
    quality = {"recall": 0.31, "ndcg": 0.27, "k": 20, "subjects": 900}
    comparison = {"before": 0.6, "after": 0.61, "reference_mean": 0.6, "reference_sd": 0.01, "detection": DETECTION}
    return {
        "schema": EVIDENCE,
        "controller": settings.FEDSHARE_CONTROLLER,
        "request": {
            "id": "7e3f1c5e-1111-4111-8111-000000000001",
            "kind": "erase",
            "regime": "gdpr",
            "source": "crm",
            "subjects": [HASH],
            "share_percent_before": None,
            "share_percent_after": None,
            "received_at": "2026-03-02T11:58:00+00:00",
            "rows_removed_at": "2026-03-02T11:58:00+00:00",
            "rows_removed": 40,
            "due_at": "2026-04-02T11:58:00+00:00",
            "completed_at": COMPLETED.isoformat(),
        },
        "consent": [{"subject": HASH, "events": []}],
        "lineage": {
            "recommender": "shop",
            "pairs_learned": 36,
            "versions_reached": [{"version": 1, "model": HASH}],
            "data_root_before": HASH,
            "data_root_after": HASH,
            "pairs_before": 1000,
            "pairs_after": 964,
        },
        "method": {
            "strategy": "contrastive",
            "exact": False,
            "version": 2,
            "model_before": HASH,
            "model_after": HASH,
            "code": HASH,
            "config": HASH,
            "seed": 1,
        },
        "plan": sample_plan(PLAN, QUICK),
        "audit_models": {"references": 19, "known": 0, "job": "7e3f1c5e-2222-4222-8222-000000000002"},
        "ladder": [
            {
                "strategy": "contrastive",
                "exact": False,
                "verdict": "removed_within_margin",
                "reason": "What is left lies within the margin.",
                "concluded": "equivalent",
                "measurements": sample_measurements(),
                "repeated": None,
            }
        ],
        "certification": None,
        "utility": {"before": quality, "after": quality, "ndcg_change": INTERVAL},
        "collateral": {
            "subjects": 64,
            "attack_surface": comparison,
            "top_k": 20,
            "recommendations_changed": comparison | {"before": 0.0},
            "cka": 0.9,
            "reference_cka": 0.9,
        },
        "conclusion": "equivalent",
        "destroyed": [{"what": "sealed forget set", "at": COMPLETED.isoformat()}],
        "recipients": [],
        "log": {"origin": settings.FEDSHARE_LOG_ORIGIN, "key": log_verifier_key()},
        "signer_certificate_sha256": signer_fingerprint(),
    } | changes


def sample_certification(**changes: Any) -> dict[str, Any]:
    """A certification of two sizes for each kind: of one kind both were removed, of the other one was not."""
    plan = AuditPlan.at(CERTIFICATION, ("fold_in_on_item_rows",), tuple(range(64)), 7)
    cell = {
        "name": "one subject, erased",
        "kind": "erase",
        "size": "subject",
        "requests": 12,
        "plan": sample_plan(plan, CERTIFICATION),
        "verdict": "removed_within_margin",
        "reason": "What is left lies within the margin.",
        "measurements": sample_measurements(plan, 32),
    }
    weak = sample_measurements(plan, 32)
    weak["membership"][0]["power"] = 0.5
    other = {"name": "one subject, unsharing", "kind": "unshare", "verdict": "inconclusive", "measurements": weak}
    return {
        "schema": CERTIFICATION_SCHEMA,
        "id": "7e3f1c5e-3333-4333-8333-000000000003",
        "controller": settings.FEDSHARE_CONTROLLER,
        "issued_at": COMPLETED.isoformat(),
        "model": {
            "recommender": "shop",
            "version": 1,
            "digest": HASH,
            "config": HASH,
            "code": HASH,
            "data_root": HASH,
            "pairs": 1000,
        },
        "strategy": "contrastive",
        "cells": [cell, cell | other, cell | {"size": "tenth"}, cell | {"kind": "unshare", "size": "tenth"}],
        "audit_models": 160,
        "certified": ["erase"],
        "log": {"origin": settings.FEDSHARE_LOG_ORIGIN, "key": log_verifier_key()},
        "signer_certificate_sha256": signer_fingerprint(),
    } | changes


def sample_plan(plan: AuditPlan, level: AssuranceLevel) -> dict[str, Any]:
    """A plan as documents have it."""
    return plan.as_json() | {"digest": plan.digest(), "claim": level.claim, "limit": level.limit}


def logged_proof(document: dict[str, Any]) -> str:
    """Append the document's entry among others, and prove it."""
    for n in range(3):
        log.append("other", {"n": n})
    kind, payload, recorded_at = log_entry(validate(document))
    return log.prove(log.append(kind, payload, datetime.fromisoformat(recorded_at)))


def signed_report(document: dict[str, Any]) -> bytes:
    """The document as a signed PDF."""
    render = request.render if document["schema"] == EVIDENCE else certification.render
    return sign_pdf(render(document, logged_proof(document)), *signer_files())
