"""The register of requests of a period."""

from datetime import datetime
from typing import Any

from audits.reports import wording
from audits.reports.pdf import write_pdf


def render(document: dict[str, Any], proof: str, language: str) -> bytes:
    """The unsigned PDF of a register; `proof` is its offline proof."""
    return write_pdf("reports/register.html", _context, document, proof, language)


def _context(document: dict[str, Any]) -> dict[str, Any]:
    return {
        "requests": [
            request
            | {
                "regime_name": wording.REGIMES[request["regime"]],
                "kind_name": wording.KINDS[request["kind"]],
                "manner_name": wording.MANNERS[request["manner"]],
                "denial_name": request["denial"] and wording.DENIALS[request["denial"]],
                "state_name": wording.STATES[request["state"]],
                "conclusion_name": request["conclusion"] and wording.CONCLUSION_NAMES[request["conclusion"]],
                "received": datetime.fromisoformat(request["received_at"]),
                "due": datetime.fromisoformat(request["due_at"]),
                "answered": request["answered_at"] and datetime.fromisoformat(request["answered_at"]),
            }
            for request in document["requests"]
        ],
        "sentence": wording.register_sentence(document),
        "from": datetime.fromisoformat(document["period"]["from"]),
        "until": datetime.fromisoformat(document["period"]["until"]),
    }
