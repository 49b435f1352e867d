"""Issuing documents: what all of them state, and the log entry that commits to them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from audits.evidence import log
from audits.evidence.canonical import canonical_json
from audits.evidence.document import canonical_digest, log_entry, validate
from audits.evidence.keys import log_verifier_key
from audits.evidence.models import IssuedDocument


def issue(schema: str, owner: UUID, signer: str, content: dict[str, Any], now: datetime) -> IssuedDocument:
    """Put a document on record, in the caller's transaction.

    Args:
        schema: one of `audits.evidence.document.SCHEMAS`.
        owner: id of what it is about.
        signer: SHA-256 of the certificate that its reports are signed with.
        content: the rest; see the schema.
        now: the moment that document and log entry state.

    Raises:
        ValueError: it does not fit its schema.
    """
    document = validate(
        {
            "schema": schema,
            "id": str(owner),
            "issued_at": now.isoformat(),
            "controller": settings.FEDSHARE_CONTROLLER,
            "log": {"origin": settings.FEDSHARE_LOG_ORIGIN, "key": log_verifier_key()},
            "signer_certificate_sha256": signer,
            **content,
        }
    )
    entry = log_entry(document)
    return IssuedDocument.objects.create(
        schema=schema,
        canonical=canonical_json(document).decode(),
        digest=canonical_digest(document),
        log_entry=log.append(entry["kind"], entry["payload"], now),
        issued_at=now,
    )
