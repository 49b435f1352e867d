"""Issuing certifications, and finding the one that holds for a model."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from audits.certification.models import Certification
from audits.evidence.document import CERTIFICATION
from audits.evidence.issuing import issue as issue_document
from audits.evidence.provisions import attack_classes
from audits.reports.signer import signer_fingerprint
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
    content = content | {"certified": certified, "attacks": attack_classes(tested=True)}
    document = issue_document(CERTIFICATION, owner, signer_fingerprint(), content, timezone.now())
    return Certification.objects.create(
        id=owner, version=version, code_digest=version.code_digest, certified=certified, document=document
    )


def certification_of(version: ModelVersion) -> Certification | None:
    """The latest that holds for a version: issued on it or on one that it was made from by forgetting.

    It does not outlive the code that it was issued for, nor a new training.
    """
    return certifications_of([version]).get(version.pk)


def certifications_of(versions: Sequence[ModelVersion]) -> dict[int, Certification]:
    """The same for several versions of recommenders of their own, in two queries; by version, where there is one."""
    trained = ModelVersion.objects.filter(
        recommender__in=[version.recommender_id for version in versions], method=ModelVersion.Method.TRAIN
    ).values_list("recommender", "number")
    issued = Certification.objects.filter(
        version__recommender__in=[version.recommender_id for version in versions], code_digest=code_digest()
    ).select_related("version", "document")
    found: dict[int, Certification] = {}
    for version in versions:
        numbers = [number for one, number in trained if one == version.recommender_id and number <= version.number]
        line = range(max(numbers, default=version.number), version.number + 1)
        for certification in issued:
            of = certification.version
            if of.recommender_id == version.recommender_id and of.number in line:
                found.setdefault(version.pk, certification)
    return found


def certifies(certification: Certification | None, kind: str) -> bool:
    """Whether every cell of this kind of request was removed within its margin."""
    return certification is not None and kind in certification.certified
