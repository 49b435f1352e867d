"""What stands in the PDF."""

import io
import json

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader

from audits.reports import plots
from audits.reports.pdf import EVIDENCE_NAME
from audits.reports.request import render
from tests.audits.reports.sample import logged_proof, sample_document

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader():
    document = sample_document()
    return PdfFileReader(io.BytesIO(render(document, logged_proof(document), "en")))


def test_it_is_tagged_pdf_a_3(reader):
    metadata = reader.root["/Metadata"].data.decode()
    assert 'pdfaid:part="3"' in metadata or "<pdfaid:part>3" in metadata
    assert reader.root["/MarkInfo"]["/Marked"]
    assert str(reader.root["/Lang"]) == "en"


def test_it_carries_the_document(reader):
    names = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
    found = {str(names[i + 1]["/UF"]): names[i + 1]["/EF"]["/F"].data for i in range(0, len(names), 2)}
    assert json.loads(found[EVIDENCE_NAME]) == sample_document()


def test_a_document_without_measurements_makes_a_report_too():
    document = sample_document()
    document["ladder"][0]["measurements"] = None
    assert render(document, logged_proof(document), "en").startswith(b"%PDF-")


def test_plots_are_the_same_bytes_every_time():
    (rung,) = sample_document()["ladder"]
    membership, histogram = rung["measurements"]["membership"], rung["measurements"]["histogram"]
    assert plots.residual_influence(membership, 0.2) == plots.residual_influence(membership, 0.2)
    assert plots.score_distributions(histogram) == plots.score_distributions(histogram)


def test_an_unbounded_interval_is_drawn():
    member = {
        "name": "pairs_on_views",
        "influence": {"estimate": -24.0, "low": None, "high": None, "confidence": 0.9},
    }
    assert plots.residual_influence([member], 0.2).startswith("<svg")
