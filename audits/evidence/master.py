"""Where the master key comes from: a file, the environment, or a key management service."""

import base64
import os
from functools import cache
from typing import Protocol

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from audits.evidence.files import read, write

MASTER, WRAPPED = "master.key", "master.wrapped"

_BYTES = 32


class KeyManagement(Protocol):
    """What a key management service has to do; `FEDSHARE_KMS` names a class without arguments that does it."""

    def encrypt(self, plain: bytes) -> bytes:
        """Encrypt the master key under a key that never leaves the service."""
        ...

    def decrypt(self, encrypted: bytes) -> bytes:
        """What `encrypt` encrypted."""
        ...


def make_master_key() -> list[str]:
    """Make the master key if there is none. Returns the names of the files made."""
    if settings.FEDSHARE_MASTER_KEY:
        return []
    name = WRAPPED if settings.FEDSHARE_KMS else MASTER
    if (settings.KEYS / name).exists():
        return []
    key = os.urandom(_BYTES)
    write(settings.KEYS / name, _service().encrypt(key) if settings.FEDSHARE_KMS else key)
    return [name]


@cache
def master_key() -> bytes:
    """The 32-byte key from which every other secret is derived.

    Raises:
        ImproperlyConfigured: it is missing, or not of 32 bytes.
    """
    if settings.FEDSHARE_MASTER_KEY:
        source = "FEDSHARE_MASTER_KEY"
        try:
            key = base64.b64decode(settings.FEDSHARE_MASTER_KEY, validate=True)
        except ValueError:
            raise ImproperlyConfigured("FEDSHARE_MASTER_KEY: give 32 bytes in base64") from None
    elif settings.FEDSHARE_KMS:
        source, key = WRAPPED, _service().decrypt(read(WRAPPED))
    else:
        source, key = MASTER, read(MASTER)
    if len(key) != _BYTES:
        raise ImproperlyConfigured(f"{source}: the master key has {len(key)} bytes instead of {_BYTES}")
    return key


def _service() -> KeyManagement:
    return import_string(settings.FEDSHARE_KMS)()
