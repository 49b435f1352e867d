"""The evidence document: versioned JSON with a published schema."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from audits.evidence.canonical import canonical_json

SCHEMA = Path(__file__).parent / "schema" / "evidence-1.json"
ISSUED = "evidence.issued"
"""Kind of the log entry that commits to a document."""


def validate(document: dict[str, Any]) -> dict[str, Any]:
    """The document, if it fits the schema.

    Raises:
        ValueError: it does not; the message names the place.
    """
    error = next(iter(sorted(_validator().iter_errors(document), key=str)), None)
    if error is not None:
        raise ValueError(f"the evidence document does not fit its schema at {error.json_path}: {error.message}")
    return document


def canonical_digest(document: dict[str, Any]) -> str:
    """SHA-256 over the canonical form, in hexadecimal: what the log commits to."""
    return hashlib.sha256(canonical_json(document)).hexdigest()


@cache
def _validator() -> Draft202012Validator:
    return Draft202012Validator(json.loads(SCHEMA.read_text()))
