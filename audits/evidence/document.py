"""Documents that the log commits to: versioned JSON with published schemas."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from audits.evidence.canonical import canonical_json

EVIDENCE, CERTIFICATION = "fedshare-evidence/2", "fedshare-certification/1"
"""What a document's `schema` says: how a request ended, or how a method did on a model."""
_FOLDER = Path(__file__).parent / "schema"
SCHEMAS = {EVIDENCE: _FOLDER / "evidence-2.json", CERTIFICATION: _FOLDER / "certification-1.json"}

ISSUED, CERTIFIED = "evidence.issued", "certification.issued"
"""Kinds of the log entries that commit to them."""


def validate(document: dict[str, Any]) -> dict[str, Any]:
    """The document, if it fits the schema that it names.

    Raises:
        ValueError: it does not; the message names the place.
    """
    name = document.get("schema")
    if name not in SCHEMAS:
        raise ValueError(f"schema: {name!r} is none of {', '.join(SCHEMAS)}")
    error = next(iter(sorted(_validator(name).iter_errors(document), key=str)), None)
    if error is not None:
        raise ValueError(f"the document does not fit {name} at {error.json_path}: {error.message}")
    return document


def log_entry(document: dict[str, Any]) -> tuple[str, dict[str, str], str]:
    """Kind, payload and time of the log entry that commits to a document; it can be rebuilt from it alone."""
    digest = canonical_digest(document)
    if document["schema"] == EVIDENCE:
        request = document["request"]
        return ISSUED, {"document": digest, "request": request["id"]}, request["completed_at"]
    return CERTIFIED, {"certification": document["id"], "document": digest}, document["issued_at"]


def canonical_digest(document: dict[str, Any]) -> str:
    """SHA-256 over the canonical form, in hexadecimal: what the log commits to."""
    return hashlib.sha256(canonical_json(document)).hexdigest()


@cache
def _validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMAS[name].read_text()))
