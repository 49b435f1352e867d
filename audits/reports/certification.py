"""The report on a certification."""

from datetime import datetime
from typing import Any

from audits.reports import plots, wording
from audits.reports.measured import shown, worst
from audits.reports.pdf import inline, write_pdf


def render(document: dict[str, Any], proof: str) -> bytes:
    """The unsigned PDF of a certification document; `proof` is its offline proof."""
    issued = datetime.fromisoformat(document["issued_at"])
    cells = [
        cell
        | {
            "label": cell["name"],
            "verdict_name": wording.VERDICTS[cell["verdict"]],
            "check": shown(cell["measurements"], cell["plan"]),
        }
        for cell in document["cells"]
    ]
    context = {
        "cells": cells,
        "strategy": wording.STRATEGIES[document["strategy"]],
        "sentence": wording.certification_sentence(document),
        "plan": document["cells"][0]["plan"],
        "plot": inline(plots.influences(_influences(cells), document["cells"][0]["plan"]["margin"])),
    }
    return write_pdf("reports/certification.html", context, document, proof, issued)


def _influences(cells: list[dict[str, Any]]) -> list[tuple[str, dict[str, float | None]]]:
    """ρ of every cell."""
    return [(cell["label"], worst(cell["measurements"], cell["plan"])["influence"]) for cell in cells]
