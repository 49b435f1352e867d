"""Fixtures for all tests."""

import os

import pytest
import torch

torch.set_num_threads(1 if "PYTEST_XDIST_WORKER" in os.environ else 2)


@pytest.fixture(autouse=True)
def _own_folders(settings, tmp_path):
    """Artifacts, reports, devices and audit models of a test are gone with it."""
    settings.DEVICES = tmp_path / "devices"
    settings.AUDIT_MODELS = tmp_path / "audit-models"
    settings.FEDSHARE_JOURNAL = tmp_path / "journal"
    settings.STORAGES = settings.STORAGES | {
        name: settings.STORAGES[name] | {"OPTIONS": {"location": tmp_path / name}} for name in ("artifacts", "reports")
    }


@pytest.fixture(scope="session", autouse=True)
def _keys(django_db_setup):
    from audits.keys import make_keys

    make_keys()
