"""The report on one request."""

from datetime import datetime
from typing import Any

from audits.reports import plots, wording
from audits.reports.measured import last_measured, shown, telling
from audits.reports.pdf import inline, write_pdf
from audits.verification.statistics.detection import Detection


def render(document: dict[str, Any], proof: str) -> bytes:
    """The unsigned PDF of an evidence document; `proof` is its offline proof."""
    issued = datetime.fromisoformat(document["request"]["completed_at"])
    return write_pdf("reports/request.html", _context(document), document, proof, issued)


def _context(document: dict[str, Any]) -> dict[str, Any]:
    request, plan = document["request"], document["plan"]
    measured = last_measured(document)
    return {
        "request": request,
        "title": wording.TITLES[request["kind"]],
        "sentence": wording.CONCLUSIONS[document["conclusion"]],
        "limit": wording.LIMITS[document["conclusion"]],
        "ladder": [
            rung | {"name": wording.STRATEGIES[rung["strategy"]], "verdict_name": wording.VERDICTS[rung["verdict"]]}
            for rung in document["ladder"]
        ],
        "ladder_reading": wording.reading_of_ladder(document),
        "last": document["ladder"][-1],
        "strategy": wording.STRATEGIES[document["method"]["strategy"]],
        "measured": measured and wording.STRATEGIES[measured["strategy"]],
        "one": measured and shown(measured["measurements"], plan),
        "many": measured and measured["repeated"] and shown(measured["repeated"], plan),
        "collateral": _collateral(document["collateral"]),
        "times": {
            name: datetime.fromisoformat(request[name])
            for name in ("received_at", "rows_removed_at", "completed_at", "due_at")
        },
        "influence_plot": measured
        and inline(plots.residual_influence(telling(measured)["membership"], plan["margin"])),
    }


def _collateral(found: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of the table about those who stay."""
    if found is None:
        return []
    surface, changed = found["attack_surface"], found["recommendations_changed"]
    return [
        surface | {"label": "AUC of an attack on retained pairs", "p": surface["detection"]["p"]},
        # Fewer changes than a training from a fresh seed makes are no damage: only more are tested for.
        changed
        | {
            "label": f"Jaccard distance of the top {found['top_k']} to those before",
            "p": Detection(**changed["detection"]).above(),
        },
    ]
