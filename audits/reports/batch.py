"""The report on a batch: what one job did for all of its requests."""

from datetime import datetime
from typing import Any

from audits.reports import plots, wording
from audits.reports.pdf import inline, write_pdf


def render(document: dict[str, Any], proof: str, language: str) -> bytes:
    """The unsigned PDF of a batch document; `proof` is its offline proof."""
    return write_pdf("reports/batch.html", _context, document, proof, language)


def _context(document: dict[str, Any]) -> dict[str, Any]:
    requests = [
        request
        | {
            "kind_name": wording.KINDS[request["kind"]],
            "strategy_names": [wording.STRATEGIES[name] for name in request["strategies"]],
            "verdict_name": wording.VERDICTS[request["verdict"]],
            "conclusion_name": wording.CONCLUSION_NAMES[request["conclusion"]],
        }
        for request in document["requests"]
    ]
    shown = [(request["id"][:8], request["influence"]) for request in requests if request["influence"]]
    return {
        "requests": requests,
        "sentence": wording.batch_sentence(document),
        "versions": [
            version | {"strategy_name": wording.STRATEGIES[version["strategy"]]} for version in document["versions"]
        ],
        "level": document["level"] and wording.LEVELS[document["level"]],
        "started": datetime.fromisoformat(document["started_at"]),
        "finished": datetime.fromisoformat(document["finished_at"]),
        "plot": inline(plots.influences(shown, document["margin"])) if shown else None,
    }
