"""A document as a PDF/A-3 file that carries it, byte-deterministic before it is signed."""

import base64
import hashlib
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import matplotlib
import pydyf
from django.template.loader import render_to_string
from django.utils import translation
from pydyf import PDF
from weasyprint import CSS, HTML, Attachment, Document, URLFetcher
from weasyprint.text.fonts import FontConfiguration

from audits.evidence.canonical import canonical_json
from audits.reports.glossary import GLOSSARIES

EVIDENCE_NAME = "evidence.json"
PROOF_NAME = "evidence.tlog-proof"

_FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # the same face in text and plots, always there

# Subset fonts state when they were made; this is what that moment is read from.
os.environ.setdefault("SOURCE_DATE_EPOCH", "0")

_OWN_RESOURCES = URLFetcher(allowed_protocols=("data", "file"))  # a report loads nothing from the network

Context = Callable[[dict[str, Any]], dict[str, Any]]
"""From a document to what its pages show; called with the report's language active."""


def write_pdf(template: str, context: Context, document: dict[str, Any], proof: str, language: str) -> bytes:
    """The unsigned PDF, with the document and its log proof attached.

    Args:
        template: of the pages.
        context: what they show, beside what all reports do.
        document: valid by its schema.
        proof: its offline proof (C2SP tlog-proof).
        language: `en`, `fr` or `de`.
    """
    content = canonical_json(document)
    issued = datetime.fromisoformat(document["issued_at"])
    fonts = FontConfiguration()
    with translation.override(language):
        common = {
            "document": document,
            "issued": issued,
            "language": language,
            "glossary": GLOSSARIES[document["schema"]],
            "document_digest": hashlib.sha256(content).hexdigest(),
            "evidence_name": EVIDENCE_NAME,
            "proof_name": PROOF_NAME,
        }
        html = HTML(string=render_to_string(template, common | context(document)), url_fetcher=_OWN_RESOURCES)
    style = CSS(string=render_to_string("reports/report.css", {"fonts": _FONTS.as_uri()}), font_config=fonts)
    return html.write_pdf(
        stylesheets=[style],
        font_config=fonts,
        pdf_variant="pdf/a-3a",
        finisher=_finish,
        pdf_identifier=hashlib.sha256(content).digest()[:16],
        attachments=[
            Attachment(
                string=attached,
                name=name,
                description=description,
                relationship="Data",
                created=issued,
                modified=issued,
            )
            for name, description, attached in (
                (EVIDENCE_NAME, "Evidence document", content),
                (PROOF_NAME, "Inclusion proof in the transparency log", proof.encode()),
            )
        ],
    )


def _finish(document: Document, pdf: PDF) -> None:
    """What the renderer leaves undone: attachments associated once each, metadata that any tool can read."""
    pdf.catalog["AF"] = pydyf.Array(dict.fromkeys(pdf.catalog["AF"]))
    for stream in pdf.objects:
        if isinstance(stream, pydyf.Stream) and stream.extra.get("Type") == "/Metadata":
            stream.compress = False


def inline(svg: str) -> str:
    """A plot as the address of an image."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
