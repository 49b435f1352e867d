"""Which code a model was made with."""

import hashlib
import platform
from functools import cache
from importlib.metadata import version
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


def software() -> dict[str, str]:
    """Versions of what a model was made with."""
    return {"fedshare": models_engine.__version__, "torch": version("torch"), "python": platform.python_version()}
