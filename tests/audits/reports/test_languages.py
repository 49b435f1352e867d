"""Every text of a report is there in every language."""

import io
import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.extract import extract
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.utils import translation
from django.utils.translation.template import templatize
from pyhanko.pdf_utils.reader import PdfFileReader

from audits.reports import numbers
from audits.reports.writing import RENDERERS
from audits.templatetags.evidence import interval, p_value
from tests.audits.reports.sample import (
    logged_proof,
    sample_batch,
    sample_certification,
    sample_document,
    sample_register,
)

ROOT = Path(__file__).resolve().parents[3]
LANGUAGES = ("fr", "de")
_KEYWORDS = dict.fromkeys(("gettext", "gettext_lazy", "gettext_noop", "_")) | {"ngettext": (1, 2)}


def _catalogue(language):
    with (ROOT / "templates" / "locale" / language / "LC_MESSAGES" / "django.po").open("rb") as file:
        return read_po(file, locale=language)


def _texts():
    """Message ids of templates and code, as the translators' tools find them."""
    found = set()
    for path in (ROOT / "templates").rglob("*.html"):
        code = templatize(path.read_text()).encode()
        found |= {message[1] for message in extract("python", io.BytesIO(code), _KEYWORDS)}
    for folder in ("audits", "unlearning"):
        for path in (ROOT / folder).rglob("*.py"):
            found |= {message[1] for message in extract("python", io.BytesIO(path.read_bytes()), _KEYWORDS)}
    return {text if isinstance(text, str) else text[0] for text in found}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language):
    catalogue = _catalogue(language)
    texts = _texts()
    assert len(texts) > 300
    translated = {m.id[0] if isinstance(m.id, tuple) else m.id for m in catalogue if m.id and not m.fuzzy}
    assert translated == texts
    assert all(all(message.string) for message in catalogue if message.id)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_fills_in_what_the_text_does(language):
    for message in _catalogue(language):
        if not message.id:
            continue
        texts = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        assert {frozenset(_placeholders(string)) for string in strings} <= {
            frozenset(_placeholders(text)) for text in texts
        }, texts


def _placeholders(text):
    named = {name for _, name, _, _ in Formatter().parse(text) if name}
    return named | set(re.findall(r"%\((\w+)\)s", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_compiled_is_what_was_translated(language):
    with (ROOT / "templates" / "locale" / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        assert _pairs(read_mo(file)) == _pairs(_catalogue(language))


def _pairs(catalogue):
    return sorted((str(tuple(m.id)), str(tuple(m.string))) for m in catalogue if m.id)


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("document", [sample_document, sample_certification, sample_batch, sample_register])
def test_reports_are_written_in_every_language(document, language):
    content = document()
    pdf = RENDERERS[content["schema"]](content, logged_proof(content), language)
    assert str(PdfFileReader(io.BytesIO(pdf)).root["/Lang"]) == language


def test_numbers_are_written_the_languages_way():
    value = {"estimate": 0.02, "low": -0.1, "high": None, "confidence": 0.9}
    with translation.override("de"):
        assert (interval(value), p_value(0.2), numbers.short(-0.25)) == ("0,02 [−0,10; ∞]", "= 0,200", "−0,25")
    with translation.override("en"):
        assert (interval(value), p_value(1e-9), numbers.short(1.0)) == ("0.02 [−0.10, ∞]", "< 0.001", "1")
