"""Writing the signed PDF of a completed request."""

from django.core.files.base import ContentFile
from django.core.files.storage import storages

from audits.evidence import log
from audits.evidence.keys import signer_files
from audits.evidence.models import LogEntry
from audits.reports.request import render
from audits.reports.signing import sign_pdf
from unlearning.requests.models import Evidence


def write_report(evidence_id: int) -> str:
    """Render, sign and store the report, unless it is there. Returns its name in the storage.

    Two workers at once may both write a file; one name wins, and the other file is removed.
    """
    evidence = Evidence.objects.get(pk=evidence_id)
    if evidence.report:
        return evidence.report
    proof = log.prove(LogEntry.objects.get(index=evidence.log_index))
    pdf = sign_pdf(render(evidence.document, proof), *signer_files())
    name = storages["reports"].save(f"{evidence.request_id}.pdf", ContentFile(pdf))
    if not Evidence.objects.filter(pk=evidence_id, report="").update(report=name):
        storages["reports"].delete(name)
        return Evidence.objects.get(pk=evidence_id).report
    return name
