"""Issuing certifications, and finding the one that holds for a model."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from audits.certification.models import Certification
from audits.evidence import log
from audits.evidence.canonical import canonical_json
from audits.evidence.document import CERTIFICATION, canonical_digest, log_entry, validate
from audits.evidence.keys import log_verifier_key, signer_files, signer_fingerprint
from audits.evidence.models import LogEntry
from audits.reports.certification import render
from audits.reports.signing import sign_pdf
from models_engine.fedshare.code import code_digest
from models_engine.registry.models import ModelVersion


@transaction.atomic
def issue(version: ModelVersion, owner: UUID, content: dict[str, Any], certified: list[str]) -> Certification:
    """Put a certification on record.

    Args:
        owner: its id, under which its plans were frozen and its models trained.
        content: what was measured; see the schema.
        certified: the kinds of request that it certifies.
    """
    now = timezone.now()
    certification = Certification(
        id=owner, version=version, code_digest=version.code_digest, certified=certified, issued_at=now
    )
    document = validate(
        {
            "schema": CERTIFICATION,
            "id": str(certification.id),
            "controller": settings.FEDSHARE_CONTROLLER,
            "issued_at": now.isoformat(),
            "certified": certified,
            "log": {"origin": settings.FEDSHARE_LOG_ORIGIN, "key": log_verifier_key()},
            "signer_certificate_sha256": signer_fingerprint(),
            **content,
        }
    )
    kind, payload, _ = log_entry(document)
    certification.log_index = log.append(kind, payload, now).index
    certification.canonical, certification.digest = canonical_json(document).decode(), canonical_digest(document)
    certification.save()
    return certification


def write_report(certification: Certification) -> str:
    """Render, sign and store the report, unless it is there. Returns its name in the storage."""
    if not certification.report:
        proof = log.prove(LogEntry.objects.get(index=certification.log_index))
        pdf = sign_pdf(render(certification.document, proof), *signer_files())
        name = storages["reports"].save(f"certification-{certification.id}.pdf", ContentFile(pdf))
        certification.report = name
        certification.save(update_fields=["report"])
    return certification.report


def certification_of(version: ModelVersion) -> Certification | None:
    """The latest that holds for a version: issued on it or on one that it was made from by forgetting.

    It does not outlive the code that it was issued for, nor a new training.
    """
    versions = version.recommender.versions.filter(number__lte=version.number)
    trained = versions.filter(method=ModelVersion.Method.TRAIN).aggregate(last=Max("number"))["last"]
    line = versions.filter(number__gte=trained)
    return Certification.objects.filter(version__in=line, code_digest=code_digest()).first()


def certifies(certification: Certification | None, kind: str) -> bool:
    """Whether every cell of this kind of request was removed within its margin."""
    return certification is not None and kind in certification.certified
