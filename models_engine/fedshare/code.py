"""Which code a model was made with."""

import hashlib
from functools import cache
from pathlib import Path

import models_engine

_LEARNING_PACKAGES = ("fedshare", "federation", "evaluation")


@cache
def code_digest() -> str:
    """SHA-256 over the names and contents of every file that takes part in learning."""
    root = Path(models_engine.__file__).parent
    digest = hashlib.sha256()
    for package in _LEARNING_PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            digest.update(f"{path.relative_to(root)}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
