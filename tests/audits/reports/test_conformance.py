"""Structure of a signed report as PDF/A-3a asks for it (ISO 19005-3), clause by clause as far as structure shows it.

No independent validator can be had from the package registries; what is not looked at here: that glyph widths fit their
fonts, that every colour is covered by the output intent, and that the tags make sense to a reader.
"""

import io
import re
from functools import cache

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from audits.reports.verify.attachments import every_object
from tests.audits.reports.sample import (
    sample_batch,
    sample_certification,
    sample_document,
    sample_register,
    signed_report,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[sample_document, sample_certification, sample_batch, sample_register], scope="module")
def document(request):
    return request.param


@cache
def written(document):
    """Each kind is written and read once."""
    pdf = signed_report(document())
    reader = PdfFileReader(io.BytesIO(pdf))
    objects = list(every_object(reader))
    return pdf, reader, objects, list(dictionaries_in(objects))


@pytest.fixture
def pdf(document):
    return written(document)[0]


@pytest.fixture
def reader(document):
    return written(document)[1]


@pytest.fixture
def objects(document):
    return written(document)[2]


@pytest.fixture
def dictionaries(document):
    return written(document)[3]


def dictionaries_in(objects):
    """Every dictionary, those within others included."""
    waiting = list(objects)
    while waiting:
        one = waiting.pop()
        if isinstance(one, generic.DictionaryObject):
            yield one
            waiting += [value for key, value in dict.items(one) if not isinstance(value, generic.IndirectObject)]
        elif isinstance(one, generic.ArrayObject):
            waiting += [value for value in list.__iter__(one) if not isinstance(value, generic.IndirectObject)]


def test_header_and_trailer(pdf, reader):
    first, second = pdf.split(b"\n")[:2]
    assert re.fullmatch(rb"%PDF-1\.[0-7]", first)  # 6.1.2
    assert second[:1] == b"%"
    assert all(byte > 127 for byte in second[1:5])
    assert len(reader.trailer["/ID"]) == 2  # 6.1.3
    assert "/Encrypt" not in reader.trailer


def test_streams_are_whole_and_not_compressed_with_lzw(objects):
    for one in objects:
        if isinstance(one, generic.StreamObject):
            filters = one.get("/Filter", [])
            assert "/LZWDecode" not in (filters if isinstance(filters, list) else [filters])  # 6.1.7.2
            assert not {"/F", "/FFilter", "/FDecodeParms"} & set(one) - {"/F"} or one.get("/Type") == "/Filespec"
            assert one.data is not None


def test_output_intent(reader):
    (intent,) = reader.root["/OutputIntents"]  # 6.2.3
    assert intent["/S"] == "/GTS_PDFA1"
    profile = intent["/DestOutputProfile"]
    assert profile["/N"] == 3
    assert profile.data[36:40] == b"acsp"


def test_fonts_are_embedded_with_their_unicode_values(dictionaries):
    fonts = [one for one in dictionaries if one.get("/Type") == "/Font"]
    assert fonts
    for font in fonts:
        if font["/Subtype"] == "/Type0":
            assert font["/ToUnicode"].data  # 6.2.11.7: level A
            descendant = font["/DescendantFonts"][0].get_object()
            assert {"/FontFile2", "/FontFile3"} & set(descendant["/FontDescriptor"])  # 6.2.11.4
        else:
            assert font["/Subtype"].startswith("/CIDFont")


def test_nothing_runs_and_nothing_is_fetched(reader, dictionaries):
    forbidden = {"/JavaScript", "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/SubmitForm", "/Hide"}
    for one in dictionaries:
        assert one.get("/S") not in forbidden  # 6.5.1
        assert "/AA" not in one  # 6.5.2
        assert one.get("/Subtype") not in {"/Sound", "/Movie", "/Screen", "/3D", "/RichMedia"}  # 6.3.1
        assert "/Alternates" not in one
        assert one.get("/Subtype") != "/PS"
    assert "/NeedAppearances" not in reader.root["/AcroForm"]  # 6.4.1
    assert "/XFA" not in reader.root["/AcroForm"]


def test_metadata_says_what_the_file_is(reader, document):
    text = reader.root["/Metadata"].data.decode()  # 6.6
    assert re.search(r"pdfaid:part[^0-9]{1,3}3", text)
    assert re.search(r"pdfaid:conformance[^A-Z]{1,3}A", text)
    assert "/Filter" not in reader.root["/Metadata"]
    assert re.search(r"<dc:title>|dc:title", text)


def test_every_attachment_is_associated_with_the_document(reader):
    names = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
    specs = [names[place] for place in range(1, len(names), 2)]
    associated = list(reader.root["/AF"])  # 6.8
    assert len(specs) == len(associated) == 2
    for spec in specs:
        assert spec["/AFRelationship"] == "/Data"
        assert {"/F", "/UF", "/EF"} <= set(spec)
        embedded = spec["/EF"]["/F"]
        assert embedded["/Subtype"]
        assert embedded["/Params"]["/ModDate"]


def test_it_is_tagged(reader, dictionaries):
    assert reader.root["/MarkInfo"]["/Marked"]  # 6.7.2
    assert reader.root["/Lang"] == "en"  # 6.7.4
    kinds = {one.get("/S") for one in dictionaries if one.get("/Type") == "/StructElem"}
    assert {"/H1", "/H2", "/P", "/Table", "/TR", "/TH", "/TD"} <= kinds
    figures = [one for one in dictionaries if one.get("/S") == "/Figure"]
    assert all(figure.get("/Alt") for figure in figures)  # 6.7.3: what can't be read is described


def test_the_signature_field_has_an_appearance_or_no_area(reader):
    (reference,) = reader.root["/AcroForm"]["/Fields"]
    field = reference.get_object()
    assert [float(side) for side in field["/Rect"]] == [0.0, 0.0, 0.0, 0.0]  # 6.3.3
    assert int(field["/F"]) & 4
