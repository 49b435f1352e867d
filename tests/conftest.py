"""Tests have a private PostgreSQL and a folder of their own, under var/test."""

import os
from pathlib import Path

_VAR = Path(__file__).resolve().parent.parent / "var" / "test"
os.environ["FEDSHARE_VAR"] = str(_VAR)  # before Django reads its settings
os.environ.pop("FEDSHARE_KEYS", None)

import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(2)


@pytest.fixture(autouse=True)
def _own_folders(settings, tmp_path):
    """Artifacts, reports and devices of a test are gone with it."""
    settings.DEVICES = tmp_path / "devices"
    storages = {name: dict(backend) for name, backend in settings.STORAGES.items()}
    for name in ("artifacts", "reports"):
        storages[name] = storages[name] | {"OPTIONS": {"location": tmp_path / name}}
    storages["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = storages


@pytest.fixture(scope="session", autouse=True)
def _keys(django_db_setup):
    from audits.evidence.keys import make_keys

    make_keys()
