"""Writing issued documents as signed PDFs."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db.models import Count, Q

from audits.evidence import log
from audits.evidence.document import BATCH, CERTIFICATION, EVIDENCE, REGISTER, entry_kind
from audits.evidence.models import IssuedDocument, Report
from audits.evidence.tlog.note import VerifierKey
from audits.reports import batch, certification, register, request
from audits.reports.signing import sign_pdf
from audits.reports.verify import Trust, verify_report

Renderer = Callable[[dict[str, Any], str, str], bytes]
"""From document, offline proof and language to the unsigned PDF."""

RENDERERS: dict[str, Renderer] = {
    EVIDENCE: request.render,
    CERTIFICATION: certification.render,
    BATCH: batch.render,
    REGISTER: register.render,
}


def address(report: Report) -> str:
    """Where a report lies: its path, or its name where reports lie in a bucket."""
    try:
        return storages["reports"].path(report.name)
    except NotImplementedError:  # how a storage says that it has no paths
        return report.name


class UnsoundReport(ValueError):
    """What was written does not verify; the message says why."""


def write_reports(document: IssuedDocument) -> list[Report]:
    """Render, sign and store a document's reports, in each language that is set, but for those that are there.

    Call it outside of the transaction that issued the document. Two workers at once may both write a file; one of
    them wins, and the other file is removed.
    """
    written = {report.language for report in document.reports.all()}
    missing = [language for language in settings.FEDSHARE_REPORT_LANGUAGES if language not in written]
    if missing:
        content = document.content
        key = VerifierKey.parse(content["log"]["key"])
        proof = log.prove(document.log_entry, key)
        for language in missing:
            pdf = sign_pdf(RENDERERS[document.schema](content, proof, language))
            _assert_sound(pdf, key)
            _store(document, language, pdf)
    return list(document.reports.all())


def unwritten() -> list[int]:
    """Ids of documents that lack a report in a language that is set; those of earlier versions are left alone."""
    lacking = IssuedDocument.objects.filter(schema__in=RENDERERS)
    languages = len(settings.FEDSHARE_REPORT_LANGUAGES)
    written = Count("reports", filter=Q(reports__language__in=settings.FEDSHARE_REPORT_LANGUAGES))
    return list(lacking.annotate(written=written).filter(written__lt=languages).values_list("pk", flat=True))


def _assert_sound(pdf: bytes, key: VerifierKey) -> None:
    """A report that would not verify is never handed out: the signer may have changed since the document was issued."""
    failed = next((result for result in verify_report(pdf, Trust([key])) if not result.ok), None)
    if failed:
        raise UnsoundReport(f"the report does not verify ({failed.name}: {failed.detail})")


def _store(document: IssuedDocument, language: str, pdf: bytes) -> None:
    kind = entry_kind(document.content).partition(".")[0]
    name = storages["reports"].save(f"{kind}-{document.content['id']}-{language}.pdf", ContentFile(pdf))
    report, new = Report.objects.get_or_create(document=document, language=language, defaults={"name": name})
    if not new and report.name != name:
        storages["reports"].delete(name)
