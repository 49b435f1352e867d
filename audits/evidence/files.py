"""Key files: written whole, readable by the service alone."""

import os
from pathlib import Path
from tempfile import mkstemp

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
    """Write a file so that it is there whole or not at all, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = mkstemp(dir=path.parent, prefix=f".{path.name}.")  # of mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
