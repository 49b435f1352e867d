"""The OpenAPI description: complete, true of what is answered, and good enough to generate a client from."""

import importlib
import os
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest
import schemathesis
from django.core.management import call_command
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fedshare_site.wsgi import application
from tests.unlearning.api.clients import EVERY_SCOPE, token
from tests.unlearning.people import make_subject
from unlearning.requests.models import Request

pytestmark = pytest.mark.django_db

_CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
_EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "3"))
"""Requests of each sort to every operation; `make fuzz` sends more."""

schema = schemathesis.openapi.from_wsgi("/api/v1/schema", application)


def test_it_has_no_warning():
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")


def test_every_operation_that_takes_a_body_has_an_example_or_takes_little():
    described = Client().get("/api/v1/schema").json()
    assert described["openapi"].startswith("3.1")
    without = [
        operation["operationId"]
        for methods in described["paths"].values()
        for operation in methods.values()
        if "examples"
        not in operation.get("requestBody", {}).get("content", {}).get("application/json", {"examples": 0})
    ]
    small = {
        "look_up_subject", "cancel_request", "verify_identity", "hold_request", "release_request", "extend_request",
        "refuse_request", "change_webhook", "pause_job", "continue_job", "cancel_job",
    }  # fmt: skip
    assert set(without) == small


@contextmanager
def _in_one_transaction():
    """Let requests to the WSGI application run in the test's transaction, as those of Django's own client do."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def headers(db, settings):
    settings.FEDSHARE_RATE = 0
    make_subject("customer-17", 100, items=5)
    sent = {"Authorization": f"Bearer {token('fuzz', EVERY_SCOPE)}"}
    with _in_one_transaction():
        yield sent


@schema.include(path_regex="^/api/v1/").parametrize()
@settings(max_examples=_EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_whatever_is_sent_is_answered_as_described(case, headers):
    case.headers = {**(case.headers or {}), **headers}
    case.call_and_validate(checks=_CHECKS, headers=headers)


def test_a_generated_client_works(tmp_path):
    description = tmp_path / "openapi.json"
    call_command("spectacular", "--format", "openapi-json", "--file", str(description))
    command = [
        sys.executable, "-m", "openapi_python_client", "generate", "--path", str(description), "--meta", "none",
        "--output-path", str(tmp_path / "fedshare_client"),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    make_subject("customer-17", 100)
    sys.path.insert(0, str(tmp_path))
    try:
        client_module = importlib.import_module("fedshare_client")
        open_request = importlib.import_module("fedshare_client.api.requests.open_request")
        follow_request = importlib.import_module("fedshare_client.api.requests.follow_request")
        models = importlib.import_module("fedshare_client.models")
        crm = client_module.AuthenticatedClient(base_url="http://localhost", token=token("generated"))
        own = httpx.Client(
            base_url="http://localhost",
            transport=httpx.WSGITransport(app=application),
            headers={"Authorization": f"Bearer {crm.token}"},
        )
        crm.set_httpx_client(own)
        body = models.RequestIn(kind=models.KindEnum.ERASE, subjects=["customer-17"], external_id="ticket-1")
        with _in_one_transaction():
            opened = open_request.sync(client=crm, body=body)
            found = follow_request.sync(request_id=opened.id, client=crm)
        assert opened.rows_removed == 40
        assert (found.external_id, found.state) == ("ticket-1", "accepted")
    finally:
        sys.path.remove(str(tmp_path))
    assert Request.objects.get().source == "generated"
