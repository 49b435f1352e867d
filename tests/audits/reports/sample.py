"""A complete evidence document with invented numbers, and the log entry that commits to it."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from audits.evidence import log
from audits.evidence.document import ISSUED, canonical_digest, validate
from audits.evidence.keys import log_verifier_key, signer_files, signer_fingerprint
from audits.reports.pdf import render
from audits.reports.signing import sign_pdf
from audits.verification.plan import QUICK, AuditPlan

COMPLETED = datetime(2026, 3, 2, 12, 0, 0, 123456, tzinfo=UTC)
HASH = "ab" * 32


def sample_document(**changes: Any) -> dict[str, Any]:
    """An erasure that contrastive unlearning concluded."""
    plan = AuditPlan("quick", 19, tuple(range(19)), 7, ("fold_in_on_item_rows",))
    quality = {"recall": 0.31, "ndcg": 0.27, "k": 20, "subjects": 900}
    interval = {"estimate": 0.02, "low": -0.1, "high": 0.14, "confidence": 0.9}
    detection = {"t": 0.4, "p": 0.7, "rank_p": 0.6}
    return {
        "schema": "fedshare-evidence/1",
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
        "plan": plan.as_json() | {"digest": plan.digest(), "claim": QUICK.claim, "limit": QUICK.limit},
        "ladder": [
            {
                "strategy": "contrastive",
                "exact": False,
                "verdict": "removed_within_margin",
                "reason": "What is left lies within the margin.",
                "concluded": "equivalent",
                "measurements": {
                    "plan": plan.digest(),
                    "pairs": 36,
                    "subjects": 1,
                    "membership": [
                        {
                            "name": "fold_in_on_item_rows",
                            "before": 1.7,
                            "after": 1.42,
                            "reference_mean": 1.4,
                            "reference_sd": 0.02,
                            "control": detection | {"adjusted_p": 1e-9},
                            "detection": detection,
                            "influence": interval,
                            "power": 0.9,
                            "attack_auc": interval | {"estimate": 0.5, "low": 0.45, "high": 0.55},
                            "attack_tpr": interval | {"estimate": 0.01, "low": 0.0, "high": 0.05},
                            "auc_detection": detection,
                            "tpr_detection": detection,
                        }
                    ],
                    "distances": [],
                    "detected": [],
                    "histogram": {
                        "edges": [0.0, 1.0, 2.0],
                        "before": [0.2, 0.8],
                        "after": [0.5, 0.5],
                        "references": [0.5, 0.5],
                    },
                },
            }
        ],
        "utility": {"before": quality, "after": quality},
        "conclusion": "equivalent",
        "destroyed": [{"what": "sealed forget set", "at": COMPLETED.isoformat()}],
        "recipients": [],
        "log": {"origin": settings.FEDSHARE_LOG_ORIGIN, "key": log_verifier_key()},
        "signer_certificate_sha256": signer_fingerprint(),
    } | changes


def logged_proof(document: dict[str, Any]) -> str:
    """Append the document's entry among others, and prove it."""
    for n in range(3):
        log.append("other", {"n": n})
    payload = {"document": canonical_digest(validate(document)), "request": document["request"]["id"]}
    return log.prove(log.append(ISSUED, payload, datetime.fromisoformat(document["request"]["completed_at"])))


def signed_report(document: dict[str, Any]) -> bytes:
    """The document as a signed PDF."""
    return sign_pdf(render(document, logged_proof(document)), *signer_files())
