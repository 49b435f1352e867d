"""Writing issued documents as signed PDFs."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages

from audits.evidence import log
from audits.evidence.document import BATCH, CERTIFICATION, EVIDENCE, REGISTER, entry_kind
from audits.evidence.models import IssuedDocument, Report
from audits.reports import batch, certification, register, request
from audits.reports.signing import sign_pdf

Renderer = Callable[[dict[str, Any], str, str], bytes]
"""From document, offline proof and language to the unsigned PDF."""

RENDERERS: dict[str, Renderer] = {
    EVIDENCE: request.render,
    CERTIFICATION: certification.render,
    BATCH: batch.render,
    REGISTER: register.render,
}


def write_reports(document: IssuedDocument) -> list[Report]:
    """Render, sign and store a document's reports, in each language that is set, but for those that are there.

    Call it outside of the transaction that issued the document. Two workers at once may both write a file; one of
    them wins, and the other file is removed.
    """
    written = {report.language for report in document.reports.all()}
    missing = [language for language in settings.FEDSHARE_REPORT_LANGUAGES if language not in written]
    if missing:
        content, proof = document.content, log.prove(document.log_entry)
        for language in missing:
            _store(document, language, sign_pdf(RENDERERS[document.schema](content, proof, language)))
    return list(document.reports.all())


def unwritten() -> list[IssuedDocument]:
    """Documents that lack a report in the first of the languages that are set."""
    first = settings.FEDSHARE_REPORT_LANGUAGES[0]
    return list(IssuedDocument.objects.exclude(reports__language=first))


def _store(document: IssuedDocument, language: str, pdf: bytes) -> None:
    kind = entry_kind(document.content).partition(".")[0]
    name = storages["reports"].save(f"{kind}-{document.content['id']}-{language}.pdf", ContentFile(pdf))
    report, new = Report.objects.get_or_create(document=document, language=language, defaults={"name": name})
    if not new and report.name != name:
        storages["reports"].delete(name)
