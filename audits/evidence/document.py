"""Documents that the log commits to: versioned JSON with published schemas."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from audits.evidence.canonical import canonical_json

EVIDENCE, CERTIFICATION = "fedshare-evidence/4", "fedshare-certification/2"
BATCH, REGISTER = "fedshare-batch/1", "fedshare-register/2"
"""What a document's `schema` says: how a request ended, how a method did on a model, what a job did for all of its
requests, and what was answered in a period."""

_FOLDER = Path(__file__).parent / "schema"
SCHEMAS = {
    EVIDENCE: _FOLDER / "evidence-4.json",
    CERTIFICATION: _FOLDER / "certification-2.json",
    BATCH: _FOLDER / "batch-1.json",
    REGISTER: _FOLDER / "register-2.json",
}
_COMMON = _FOLDER / "common-1.json"


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


def entry_kind(document: dict[str, Any]) -> str:
    """Kind of the log entry that commits to a document, such as `evidence.issued`."""
    return document["schema"].partition("/")[0].removeprefix("fedshare-") + ".issued"


def log_entry(document: dict[str, Any]) -> dict[str, Any]:
    """The log entry that commits to a document; it can be rebuilt from the document alone."""
    return {
        "kind": entry_kind(document),
        "payload": {"document": canonical_digest(document), "id": document["id"]},
        "recorded_at": document["issued_at"],
    }


def canonical_digest(document: dict[str, Any]) -> str:
    """SHA-256 over the canonical form, in hexadecimal: what the log commits to."""
    return hashlib.sha256(canonical_json(document)).hexdigest()


@cache
def _validator(name: str) -> Draft202012Validator:
    common = Resource.from_contents(json.loads(_COMMON.read_text()))
    registry: Registry[Any] = Registry().with_resource(_COMMON.name, common)
    schema = json.loads(SCHEMAS[name].read_text())
    return Draft202012Validator(schema, registry=registry, format_checker=Draft202012Validator.FORMAT_CHECKER)
