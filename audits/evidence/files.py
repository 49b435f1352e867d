"""Key files: written whole, readable by the service alone."""

import os
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def read(name: str) -> bytes:
    """A file of the key folder.

    Raises:
        ImproperlyConfigured: it is missing.
    """
    try:
        return (settings.KEYS / name).read_bytes()
    except FileNotFoundError:
        raise ImproperlyConfigured(f"the key file {name} is missing: run `manage.py make_keys`") from None


def write(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(".tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    os.replace(temporary, path)
