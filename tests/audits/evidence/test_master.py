"""Where the master key may come from."""

import base64
import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from audits.evidence.master import make_master_key, master_key


@pytest.fixture(autouse=True)
def _own_key(settings, tmp_path):
    settings.KEYS = tmp_path
    master_key.cache_clear()
    yield
    master_key.cache_clear()


class Vault:
    """A key management service whose key never leaves it."""

    def encrypt(self, plain: bytes) -> bytes:
        return bytes(byte ^ 0x5A for byte in plain)

    decrypt = encrypt


def test_a_file(tmp_path):
    assert make_master_key() == ["master.key"]
    assert master_key() == (tmp_path / "master.key").read_bytes()
    assert (tmp_path / "master.key").stat().st_mode & 0o077 == 0
    assert make_master_key() == []


def test_the_environment(settings, tmp_path):
    key = os.urandom(32)
    settings.FEDSHARE_MASTER_KEY = base64.b64encode(key).decode()
    assert make_master_key() == []
    assert master_key() == key
    assert list(tmp_path.iterdir()) == []


def test_a_key_management_service(settings, tmp_path):
    settings.FEDSHARE_KMS = f"{__name__}.Vault"
    assert make_master_key() == ["master.wrapped"]
    stored = (tmp_path / "master.wrapped").read_bytes()
    assert master_key() == Vault().decrypt(stored) != stored


@pytest.mark.parametrize("value", ["short", base64.b64encode(b"short").decode()])
def test_an_unusable_key_is_refused(settings, value):
    settings.FEDSHARE_MASTER_KEY = value
    with pytest.raises(ImproperlyConfigured, match="FEDSHARE_MASTER_KEY"):
        master_key()


def test_a_missing_file_says_what_to_run():
    with pytest.raises(ImproperlyConfigured, match="make_keys"):
        master_key()
