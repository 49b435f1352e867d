"""The report on one request."""

from datetime import datetime
from typing import Any

from audits.reports import lineage, plots, wording
from audits.reports.measured import last_measured, shown, telling
from audits.reports.pdf import inline, write_pdf
from audits.verification.statistics.detection import Detection

_SECONDS_A_DAY = 86_400


def render(document: dict[str, Any], proof: str, language: str) -> bytes:
    """The unsigned PDF of an evidence document; `proof` is its offline proof."""
    return write_pdf("reports/request.html", _context, document, proof, language)


def _context(document: dict[str, Any]) -> dict[str, Any]:
    request, plan = document["request"], document["plan"]
    extended = request["deadline"]["extended"]
    measured = last_measured(document)
    return {
        "request": request,
        "title": wording.TITLES[request["kind"]],
        "conclusion": wording.CONCLUSION_NAMES[document["conclusion"]],
        "sentence": wording.CONCLUSIONS[document["conclusion"]],
        "limit": wording.LIMITS[document["conclusion"]],
        "checked": document["conclusion"] == "exact" and wording.CHECK_BESIDE_EXACT[document["ladder"][-1]["verdict"]],
        "regime": wording.REGIMES[request["regime"]],
        "manner": wording.MANNERS[request["manner"]],
        "scope": wording.SCOPES[request["scope"]],
        "extension": extended and wording.EXTENSIONS[extended["reason"]],
        "paused_days": request["deadline"]["paused_seconds"] // _SECONDS_A_DAY,
        "attacks": wording.attacks(document, plan),
        "timeline": [
            (datetime.fromisoformat(moment["at"]), wording.EVENTS[moment["event"]], _strategy(moment["strategy"]))
            for moment in document["timeline"]
        ],
        "ladder": [
            rung
            | {
                "name": wording.STRATEGIES[rung["strategy"]],
                "verdict_name": wording.VERDICTS[rung["verdict"]],
                "reason": wording.reason(rung["reason"]),
            }
            for rung in document["ladder"]
        ],
        "ladder_reading": wording.reading_of_ladder(document),
        "lineage_plot": inline(lineage.drawn(document)),
        "level": plan and wording.LEVELS[plan["level"]],
        "measured": measured and wording.STRATEGIES[measured["strategy"]],
        "one": measured and shown(measured["measurements"], plan),
        "many": measured and measured["repeated"] and shown(measured["repeated"], plan),
        "collateral": _collateral(document["collateral"]),
        "destroyed": [
            gone
            | {
                "name": wording.DESTROYED[gone["item"]],
                "how": wording.DESTRUCTION[gone["method"]],
                "when": datetime.fromisoformat(gone["at"]),
            }
            for gone in document["destroyed"]
        ],
        "provisions": [
            (
                wording.provision(one["provision"]),
                wording.PROVISIONS[one["provision"]],
                ", ".join(one["fields"]),
            )
            for one in document["provisions"]
        ],
        "times": {
            name: datetime.fromisoformat(request[name])
            for name in ("received_at", "rows_removed_at", "completed_at", "due_at")
        },
        "kept_until": datetime.fromisoformat(document["kept_until"]),
        "influence_plot": measured
        and inline(plots.residual_influence(telling(measured)["membership"], plan["margin"])),
    }


def _strategy(name: str | None) -> Any:
    return name and wording.STRATEGIES[name]


def _collateral(found: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Rows of the table about those who stay."""
    if found is None:
        return []
    surface, changed = found["attack_surface"], found["recommendations_changed"]
    return [
        surface | {"what": "attack_surface", "p": surface["detection"]["p"]},
        # Fewer changes than a training from a fresh seed makes are no damage: only more are tested for.
        changed | {"what": "recommendations_changed", "p": Detection(**changed["detection"]).above()},
    ]
