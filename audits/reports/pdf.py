"""The report as a PDF/A-3 file, byte-deterministic before it is signed."""

import base64
import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib
from django.template.loader import render_to_string
from weasyprint import CSS, HTML, Attachment, URLFetcher
from weasyprint.text.fonts import FontConfiguration

from audits.evidence.canonical import canonical_json
from audits.reports import plots, wording

EVIDENCE_NAME = "evidence.json"
PROOF_NAME = "evidence.tlog-proof"

_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # the same face in text and plots, always there

_OWN_RESOURCES = URLFetcher(allowed_protocols=("data", "file"))  # a report loads nothing from the network


def render(document: dict[str, Any], proof: str) -> bytes:
    """The unsigned PDF, with the evidence document and its log proof attached.

    Args:
        document: a valid evidence document.
        proof: its offline proof (C2SP tlog-proof).
    """
    issued = datetime.fromisoformat(document["request"]["completed_at"])
    evidence = canonical_json(document)
    fonts = FontConfiguration()
    html = HTML(string=render_to_string("reports/request.html", _context(document)), url_fetcher=_OWN_RESOURCES)
    style = CSS(string=render_to_string("reports/report.css", {"fonts": _FONTS.as_uri()}), font_config=fonts)
    return html.write_pdf(
        stylesheets=[style],
        font_config=fonts,
        pdf_variant="pdf/a-3a",
        pdf_identifier=hashlib.sha256(evidence).digest()[:16],
        attachments=[
            Attachment(
                string=content,
                name=name,
                description=description,
                relationship="Data",
                created=issued,
                modified=issued,
            )
            for name, description, content in (
                (EVIDENCE_NAME, "Evidence document", evidence),
                (PROOF_NAME, "Inclusion proof in the transparency log", proof.encode()),
            )
        ],
    )


def _context(document: dict[str, Any]) -> dict[str, Any]:
    last = document["ladder"][-1]
    measured = next((rung for rung in reversed(document["ladder"]) if rung["measurements"]), None)
    measurements = measured["measurements"] if measured else None
    request = document["request"]
    return {
        "document": document,
        "request": request,
        "title": wording.TITLES[request["kind"]],
        "sentence": wording.verdict_sentence(document),
        "limit": wording.LIMITS[document["conclusion"]],
        "ladder": [
            rung | {"name": wording.STRATEGIES[rung["strategy"]], "verdict_name": wording.VERDICTS[rung["verdict"]]}
            for rung in document["ladder"]
        ],
        "ladder_reading": wording.reading_of_ladder(document),
        "last": last,
        "strategy": wording.STRATEGIES[document["method"]["strategy"]],
        "measured": measured and wording.STRATEGIES[measured["strategy"]],
        "membership": [
            member | {"label": plots.STATISTIC_NAMES[member["name"]]} for member in measurements["membership"]
        ]
        if measurements
        else [],
        "distances": measurements["distances"] if measurements else [],
        "distribution_plot": measurements and _inline(plots.score_distributions(measurements["histogram"])),
        "influence_plot": measurements
        and _inline(plots.residual_influence(measurements["membership"], document["plan"]["margin"])),
        "attacks": wording.ATTACKS,
        "glossary": wording.GLOSSARY,
        "times": {
            name: datetime.fromisoformat(request[name])
            for name in ("received_at", "rows_removed_at", "completed_at", "due_at")
        },
        "evidence_digest": hashlib.sha256(canonical_json(document)).hexdigest(),
        "evidence_name": EVIDENCE_NAME,
        "proof_name": PROOF_NAME,
    }


def _inline(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
