"""Orchestrators ask by an address, over plain HTTP."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _as_in_kubernetes(settings):
    settings.ALLOWED_HOSTS = ["fedshare.example.org"]
    settings.SECURE_SSL_REDIRECT = True
    settings.FEDSHARE_METRICS_TOKEN = "token"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_probes_are_answered_under_any_name(path):
    answer = Client().get(path, headers={"host": "10.1.2.3:8000", "authorization": "Bearer token"})
    assert answer.status_code == 200


def test_nothing_else_is():
    assert Client().get("/api/v1/", headers={"host": "10.1.2.3:8000"}).status_code in (301, 400)
    assert Client().get("/metrics", headers={"host": "10.1.2.3:8000"}).status_code == 404
