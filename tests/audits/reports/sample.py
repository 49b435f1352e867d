"""A complete evidence document with invented numbers, and the log entry that commits to it."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from audits.evidence import log
from audits.evidence.document import BATCH, CERTIFICATION, EVIDENCE, REGISTER, log_entry, validate
from audits.evidence.keys import log_verifier_key
from audits.evidence.measurements import as_json
from audits.evidence.provisions import PROVISIONS, attack_classes
from audits.reports.signer import signer_fingerprint
from audits.reports.signing import sign_pdf
from audits.reports.writing import RENDERERS
from audits.verification import plan as plans
from audits.verification.plan import QUICK, AssuranceLevel, AuditPlan
from audits.verification.reason import Because, Reason
from audits.verification.results import DISTANCES, SAMPLES

COMPLETED = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
HASH, OTHER = "ab" * 32, "cd" * 32


WITHIN = as_json(Reason(Because.WITHIN_MARGIN, margin=0.2))
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
    return (
        _common(EVIDENCE, "7e3f1c5e-1111-4111-8111-000000000001")
        | {
            "request": {
                "id": "7e3f1c5e-1111-4111-8111-000000000001",
                "kind": "erase",
                "regime": "gdpr",
                "source": "crm",
                "manner": "api",
                "subjects": [HASH],
                "share_percent_before": None,
                "share_percent_after": None,
                "received_at": "2026-03-02T11:58:00+00:00",
                "rows_removed_at": "2026-03-02T11:58:00+00:00",
                "rows_removed": 40,
                "due_at": "2026-04-03T00:00:00+00:00",
                "deadline": {"zone": "UTC", "holidays": [], "paused_seconds": 0, "extended": None},
                "scope": "all",
                "completed_at": COMPLETED.isoformat(),
            },
            "response": {"nature": "equivalent", "at": COMPLETED.isoformat(), "denial": None},
            "provisions": [
                {"provision": one.provision, "fields": list(one.fields)} for one in PROVISIONS["gdpr", "erase"]
            ],
            "timeline": [
                {"event": event, "at": at, "strategy": strategy}
                for event, at, strategy in (
                    ("received", "2026-03-02T11:58:00+00:00", None),
                    ("rows_removed", "2026-03-02T11:58:00+00:00", None),
                    ("scheduled", "2026-03-02T11:58:30+00:00", None),
                    ("plan_frozen", "2026-03-02T11:58:31+00:00", None),
                    ("forgotten", "2026-03-02T11:59:20+00:00", "contrastive"),
                    ("checked", "2026-03-02T11:59:58+00:00", "contrastive"),
                    ("replaced", COMPLETED.isoformat(), None),
                    ("destroyed", COMPLETED.isoformat(), None),
                    ("completed", COMPLETED.isoformat(), None),
                )
            ],
            "consent": [{"subject": HASH, "events": []}],
            "lineage": {
                "recommender": "shop",
                "pairs_learned": 36,
                "versions_reached": [{"version": 1, "model": HASH}],
                "data_root_before": HASH,
                "data_root_after": OTHER,
                "pairs_before": 1000,
                "pairs_after": 964,
            },
            "method": {
                "strategy": "contrastive",
                "exact": False,
                "version": 2,
                "model_before": HASH,
                "model_after": OTHER,
                "code": HASH,
                "config": HASH,
                "seed": 1,
                "software": {"fedshare": "0.1.0", "torch": "2.13.0", "python": "3.11.7"},
            },
            "plan": sample_plan(PLAN, QUICK),
            "audit_models": {"references": 19, "known": 0, "job": "7e3f1c5e-2222-4222-8222-000000000002"},
            "ladder": [
                {
                    "strategy": "contrastive",
                    "exact": False,
                    "verdict": "removed_within_margin",
                    "reason": WITHIN,
                    "concluded": "equivalent",
                    "forgotten_at": "2026-03-02T11:59:20+00:00",
                    "checked_at": "2026-03-02T11:59:58+00:00",
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
            "attacks": attack_classes(tested=True),
            "destroyed": [
                {
                    "item": item,
                    "count": 1,
                    "version": version,
                    "sha256": version and HASH,
                    "method": "deleted" if version else "key_destroyed",
                    "at": COMPLETED.isoformat(),
                }
                for item, version in (("model_version", 1), ("forget_set", None), ("subject_keys", None))
            ],
            "recipients": [],
            "kept_until": "2029-03-02T12:00:00.123456+00:00",
        }
        | changes
    )


def _common(schema: str, owner: str) -> dict[str, Any]:
    return {
        "schema": schema,
        "id": owner,
        "issued_at": COMPLETED.isoformat(),
        "controller": settings.FEDSHARE_CONTROLLER,
        "log": {"origin": settings.FEDSHARE_LOG_ORIGIN, "key": log_verifier_key()},
        "signer_certificate_sha256": signer_fingerprint(),
    }


def sample_certification(**changes: Any) -> dict[str, Any]:
    """A certification of two sizes for each kind: of one kind both were removed, of the other one was not."""
    plan = AuditPlan.at(plans.CERTIFICATION, ("fold_in_on_item_rows",), tuple(range(64)), 7)
    cell = {
        "name": "one subject, erased",
        "kind": "erase",
        "size": "subject",
        "requests": 12,
        "plan": sample_plan(plan, plans.CERTIFICATION),
        "verdict": "removed_within_margin",
        "reason": WITHIN,
        "measurements": sample_measurements(plan, 32),
    }
    weak = sample_measurements(plan, 32)
    weak["membership"][0]["power"] = 0.5
    noisy = as_json(Reason(Because.TOO_NOISY, margin=0.2, power=0.5))
    other = cell | {"name": "one subject, unsharing", "kind": "unshare", "verdict": "inconclusive", "reason": noisy}
    other["measurements"] = weak
    return (
        _common(CERTIFICATION, "7e3f1c5e-3333-4333-8333-000000000003")
        | {
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
            "cells": [cell, other, cell | {"size": "tenth"}, cell | {"kind": "unshare", "size": "tenth"}],
            "audit_models": 160,
            "certified": ["erase"],
            "attacks": attack_classes(tested=True),
        }
        | changes
    )


def sample_batch(**changes: Any) -> dict[str, Any]:
    """A batch of two requests: one concluded by contrastive unlearning, one by retraining."""
    first = {
        "id": "7e3f1c5e-1111-4111-8111-000000000001",
        "kind": "erase",
        "subjects": 1,
        "rows_removed": 40,
        "pairs_learned": 36,
        "strategies": ["contrastive"],
        "verdict": "removed_within_margin",
        "conclusion": "equivalent",
        "influence": INTERVAL,
        "received_at": "2026-03-02T11:58:00+00:00",
        "completed_at": "2026-03-02T11:59:59+00:00",
        "document": HASH,
    }
    second = first | {
        "id": "7e3f1c5e-1111-4111-8111-000000000004",
        "kind": "unshare",
        "strategies": ["contrastive", "retrain"],
        "verdict": "inconclusive",
        "conclusion": "exact",
        "influence": INTERVAL | {"low": None, "high": None},
    }
    version = {
        "version": 2,
        "strategy": "contrastive",
        "exact": False,
        "model": HASH,
        "data_root": HASH,
        "pairs": 964,
    }
    quality = {"recall": 0.31, "ndcg": 0.27, "k": 20, "subjects": 900}
    return (
        _common(BATCH, "7e3f1c5e-2222-4222-8222-000000000002")
        | {
            "recommender": "shop",
            "started_at": "2026-03-02T11:58:30+00:00",
            "finished_at": COMPLETED.isoformat(),
            "requests": [first, second],
            "versions": [version, version | {"version": 3, "strategy": "retrain", "exact": True}],
            "before": {"versions": [{"version": 1, "model": HASH}], "data_root": HASH, "pairs": 1000},
            "level": "quick",
            "margin": 0.2,
            "audit_models": {"references": 19, "known": 0},
            "seconds": {"references": 24.5},
            "utility": {"before": quality, "after": quality, "ndcg_change": INTERVAL},
        }
        | changes
    )


def sample_register(**changes: Any) -> dict[str, Any]:
    """A register of a month with one request that was answered in time, one late, and one that is open."""
    answered = {
        "id": "7e3f1c5e-1111-4111-8111-000000000001",
        "kind": "erase",
        "regime": "gdpr",
        "manner": "api",
        "source": "crm",
        "subjects": 1,
        "received_at": "2026-02-02T11:58:00+00:00",
        "due_at": "2026-03-03T00:00:00+00:00",
        "deadline": {"zone": "UTC", "holidays": [], "paused_seconds": 0, "extended": None},
        "rows_removed": 40,
        "rows_removed_at": "2026-02-02T11:58:00+00:00",
        "state": "completed",
        "conclusion": "equivalent",
        "answered_at": "2026-02-02T12:00:00+00:00",
        "denial": None,
        "in_time": True,
        "document": HASH,
    }
    late = answered | {"answered_at": "2026-03-03T00:00:01+00:00", "in_time": False, "conclusion": "exact"}
    unanswered = {"answered_at": None, "in_time": None, "conclusion": None, "document": None, "state": "unlearning"}
    waiting = (
        answered | unanswered | {"received_at": "2026-02-27T12:00:00+00:00", "due_at": "2026-03-28T00:00:00+00:00"}
    )
    return (
        _common(REGISTER, "7e3f1c5e-5555-4555-8555-000000000005")
        | {
            "issued_at": "2026-03-04T12:00:00+00:00",
            "period": {"from": "2026-02-01T00:00:00+00:00", "until": "2026-03-01T00:00:00+00:00"},
            "processing": {
                "purposes": ["recommendations"],
                "legal_bases": ["consent"],
                "notices": ["2026-01"],
                "subjects": 900,
                "interactions": 100_000,
                "items": 1682,
                "recommenders": ["shop"],
                "retention_months": 36,
            },
            "recipients": [],
            "requests": [
                answered,
                late | {"id": "7e3f1c5e-1111-4111-8111-000000000006"},
                waiting | {"id": "7e3f1c5e-1111-4111-8111-000000000007"},
            ],
            "totals": {
                "received": 3,
                "answered": 2,
                "exact": 1,
                "equivalent": 1,
                "certified": 0,
                "refused": 0,
                "cancelled": 0,
                "open": 1,
                "late": 1,
            },
        }
        | changes
    )


def sample_plan(plan: AuditPlan, level: AssuranceLevel) -> dict[str, Any]:
    """A plan as documents have it."""
    return plan.as_json() | {"digest": plan.digest(), "claim": level.claim, "limit": level.limit}


def logged_proof(document: dict[str, Any]) -> str:
    """Append the document's entry among others, and prove it."""
    for n in range(3):
        log.append("other", {"n": n})
    entry = log_entry(validate(document))
    return log.prove(log.append(entry["kind"], entry["payload"], datetime.fromisoformat(entry["recorded_at"])))


def signed_report(document: dict[str, Any], language: str = "en") -> bytes:
    """The document as a signed PDF."""
    return sign_pdf(RENDERERS[document["schema"]](document, logged_proof(document), language))
