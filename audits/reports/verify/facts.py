"""What a verified document says, in a few lines: the pages of a PDF are only as true as they agree with it."""

from collections.abc import Callable
from typing import Any

from audits.evidence.document import BATCH, CERTIFICATION, EVIDENCE, REGISTER

Fact = tuple[str, str]
"""A name and what the document says."""


def facts(document: dict[str, Any]) -> list[Fact]:
    """What to hold the pages against."""
    return [
        ("issued", document["issued_at"]),
        ("controller", document["controller"]),
        *_BY_SCHEMA[document["schema"]](document),
    ]


def _evidence(document: dict[str, Any]) -> list[Fact]:
    request, lineage, method = document["request"], document["lineage"], document["method"]
    checks = [f"{rung['strategy']}: {rung['verdict']}" for rung in document["ladder"]]
    return [
        ("request", f"{request['id']}, {request['kind']}, {request['regime']}"),
        ("subjects, records removed", f"{len(request['subjects'])}, {request['rows_removed']}"),
        ("received, due, answered", f"{request['received_at']}, {request['due_at']}, {request['completed_at']}"),
        ("checks", "; ".join(checks)),
        ("conclusion", document["conclusion"]),
        ("model now", f"{lineage['recommender']} version {method['version']}, SHA-256 {method['model_after']}"),
    ]


def _certification(document: dict[str, Any]) -> list[Fact]:
    model = document["model"]
    cells = [f"{cell['name']}: {cell['verdict']}" for cell in document["cells"]]
    return [
        ("model", f"{model['recommender']} version {model['version']}, SHA-256 {model['digest']}"),
        ("method", document["strategy"]),
        ("cells", "; ".join(cells)),
        ("certified", ", ".join(document["certified"]) or "nothing"),
    ]


def _batch(document: dict[str, Any]) -> list[Fact]:
    ended = [f"{one['id']}: {one['verdict']}, {one['conclusion']}" for one in document["requests"]]
    return [("recommender", document["recommender"]), ("requests", "; ".join(ended))]


def _register(document: dict[str, Any]) -> list[Fact]:
    period, totals = document["period"], document["totals"]
    return [
        ("period", f"{period['from']} until before {period['until']}"),
        ("totals", ", ".join(f"{name} {number}" for name, number in totals.items())),
    ]


_BY_SCHEMA: dict[str, Callable[[dict[str, Any]], list[Fact]]] = {
    EVIDENCE: _evidence,
    CERTIFICATION: _certification,
    BATCH: _batch,
    REGISTER: _register,
}
