"""The document on a whole batch: what one job did for all of its requests."""

from typing import Any

from django.utils import timezone

from audits.evidence.document import BATCH
from audits.evidence.issuing import issue
from audits.evidence.models import IssuedDocument
from audits.reports.measured import telling, worst
from audits.reports.signer import signer_fingerprint
from models_engine.registry.models import ModelVersion
from unlearning.jobs.models import Job


def issue_batch(job: Job) -> IssuedDocument:
    """Put a job on record whose requests have all ended; call it in the transaction that ends the last one."""
    issued = [request.evidence for request in job.requests.select_related("evidence").order_by("received_at", "pk")]
    evidence = [document.content for document in issued]
    last = max(evidence, key=lambda document: document["method"]["version"])
    planned = next((document for document in evidence if document["plan"]), None)
    content = {
        "recommender": job.recommender.name,
        "started_at": job.created_at.isoformat(),
        "finished_at": timezone.now().isoformat(),
        "requests": [_request(document.content, document.digest) for document in issued],
        "versions": _versions(job, evidence),
        "before": _before(evidence),
        "level": planned and planned["plan"]["level"],
        "margin": planned and planned["plan"]["margin"],
        "audit_models": {kind: last["audit_models"][kind] for kind in ("references", "known")},
        "seconds": {phase: round(seconds, 3) for phase, seconds in job.timings.items()},
        "utility": last["utility"],
    }
    return issue(BATCH, job.id, signer_fingerprint(), content, timezone.now())


def _request(document: dict[str, Any], digest: str) -> dict[str, Any]:
    request, rung = document["request"], document["ladder"][-1]
    measured = telling(rung)
    return {
        "id": request["id"],
        "kind": request["kind"],
        "subjects": len(request["subjects"]),
        "rows_removed": request["rows_removed"],
        "pairs_learned": document["lineage"]["pairs_learned"],
        "strategies": [rung["strategy"] for rung in document["ladder"]],
        "verdict": rung["verdict"],
        "conclusion": document["conclusion"],
        "influence": measured and worst(measured, document["plan"])["influence"],
        "received_at": request["received_at"],
        "completed_at": request["completed_at"],
        "document": digest,
    }


def _versions(job: Job, evidence: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The versions that the batch made, in their order."""
    exact = {document["method"]["version"]: document["method"]["exact"] for document in evidence}
    made = ModelVersion.objects.filter(recommender=job.recommender, number__in=exact).select_related("dataset")
    return [
        {
            "version": version.number,
            "strategy": version.method,
            "exact": exact[version.number],
            "model": version.digest,
            "data_root": version.dataset.root,
            "pairs": version.dataset.pairs,
        }
        for version in made.order_by("number")
    ]


def _before(evidence: list[dict[str, Any]]) -> dict[str, Any]:
    reached = {one["version"]: one["model"] for document in evidence for one in document["lineage"]["versions_reached"]}
    first = evidence[0]["lineage"]
    return {
        "versions": [{"version": number, "model": reached[number]} for number in sorted(reached)],
        "data_root": first["data_root_before"],
        "pairs": first["pairs_before"],
    }
