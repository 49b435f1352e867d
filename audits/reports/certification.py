"""The report on a certification."""

from typing import Any

from audits.reports import plots, wording
from audits.reports.measured import shown, worst
from audits.reports.pdf import inline, write_pdf


def render(document: dict[str, Any], proof: str, language: str) -> bytes:
    """The unsigned PDF of a certification document; `proof` is its offline proof."""
    return write_pdf("reports/certification.html", _context, document, proof, language)


def _context(document: dict[str, Any]) -> dict[str, Any]:
    cells = [
        cell
        | {
            "label": wording.CELLS[cell["kind"], cell["size"]],
            "verdict_name": wording.VERDICTS[cell["verdict"]],
            "reason": wording.reason(cell["reason"]),
            "check": shown(cell["measurements"], cell["plan"]),
        }
        for cell in document["cells"]
    ]
    plan = document["cells"][0]["plan"]
    influences = [(str(cell["label"]), worst(cell["measurements"], cell["plan"])["influence"]) for cell in cells]
    return {
        "cells": cells,
        "certified": [wording.KINDS[kind] for kind in document["certified"]],
        "strategy": wording.STRATEGIES[document["strategy"]],
        "sentence": wording.certification_sentence(document),
        "plan": plan,
        "attacks": wording.attacks(document, plan),
        "level": wording.LEVELS[plan["level"]],
        "plot": inline(plots.influences(influences, plan["margin"])),
    }
