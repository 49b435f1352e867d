"""The register of requests of a period."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

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
                "due": _last_day(request),
                "answered": request["answered_at"] and datetime.fromisoformat(request["answered_at"]),
            }
            for request in document["requests"]
        ],
        "sentence": wording.register_sentence(document),
        "from": _day(document["period"], "from"),
        "until": _day(document["period"], "until"),
    }


def _day(period: dict[str, Any], end: str) -> date:
    return datetime.fromisoformat(period[end]).astimezone(ZoneInfo(period.get("zone", "UTC"))).date()


def _last_day(request: dict[str, Any]) -> date:
    """A period ends with the first moment after its last day."""
    end = datetime.fromisoformat(request["due_at"]) - timedelta(microseconds=1)
    return end.astimezone(ZoneInfo(request["deadline"]["zone"])).date()
