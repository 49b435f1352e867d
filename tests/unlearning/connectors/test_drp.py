"""Data Rights Protocol: an agent with a real Ed25519 key."""

import base64
import json
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.test import Client
from django.utils import timezone

from tests.unlearning.connectors.outsider import outsider
from tests.unlearning.people import ask_erasure, make_subject
from tests.unlearning.webhooks.receiver import receiving
from unlearning.connectors import secrets
from unlearning.connectors.drp.views import tell_callbacks
from unlearning.connectors.models import ConnectorSecret
from unlearning.lineage.models import Interaction
from unlearning.lineage.subjects import Named, register_subject
from unlearning.requests.models import Manner, Request
from unlearning.requests.opening import erase
from unlearning.requests.submissions import Submission

pytestmark = pytest.mark.django_db

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
AGENT = "agent-1"


@pytest.fixture(autouse=True)
def _world(settings):
    settings.FEDSHARE_DRP_BUSINESS = "retailer"
    for agent, key in ((AGENT, KEY), ("agent-2", OTHER)):
        public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        secrets.add("drp", agent, base64.b64encode(public).decode())
    make_subject("customer-17", 100)
    register_subject("customer-17", [Named("email", "ann@example.org")])


def _content(**changes):
    now = timezone.now()
    return {
        "agent-id": AGENT,
        "business-id": "retailer",
        "issued-at": now.isoformat(),
        "expires-at": (now + timedelta(minutes=5)).isoformat(),
    } | changes


def _signed(content, key=KEY):
    message = json.dumps(content).encode()
    return base64.b64encode(key.sign(message) + message).decode()


def _token(agent=AGENT, key=KEY):
    answer = outsider().post(f"/drp/v1/agent/{agent}", _signed(_content(**{"agent-id": agent}), key), "text/plain")
    return answer.json()["token"]


def _request(**changes):
    return (
        _content(
            exercise="deletion", regime="ccpa", agent_request_id="r-1", email="ann@example.org", email_verified=True
        )
        | changes
    )


def _send(content, key=KEY, token=None):
    headers = {"Authorization": f"Bearer {token or _token()}"}
    return outsider().post("/drp/v1/data-rights-request", _signed(content, key), "text/plain", headers=headers)


def test_an_agent_is_given_a_token_that_holds():
    headers = {"Authorization": f"Bearer {_token()}"}
    assert Client().get(f"/drp/v1/agent/{AGENT}", headers=headers).json() == {"agent-id": AGENT}
    assert Client().get("/drp/v1/agent/agent-2", headers=headers).status_code == 403
    assert Client().get(f"/drp/v1/agent/{AGENT}").status_code == 401


def test_a_token_ends_with_the_keys_that_it_was_given_under():
    headers = {"Authorization": f"Bearer {_token()}"}
    before = ConnectorSecret.objects.get(account=AGENT)
    public = OTHER.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    secrets.add("drp", AGENT, base64.b64encode(public).decode())
    before.delete()
    assert Client().get(f"/drp/v1/agent/{AGENT}", headers=headers).status_code == 401
    headers = {"Authorization": f"Bearer {_token(AGENT, OTHER)}"}
    assert Client().get(f"/drp/v1/agent/{AGENT}", headers=headers).status_code == 200
    ConnectorSecret.objects.filter(account=AGENT).delete()
    assert Client().get(f"/drp/v1/agent/{AGENT}", headers=headers).status_code == 401


def test_what_was_merged_is_revoked_for_the_agent_alone():
    request = ask_erasure("customer-17", identity_verified=False)
    submission = Submission("drp agent-1", "r-1", manner=Manner.DRP)
    erase(["customer-17"], submission, identity_verified=False)
    headers = {"Authorization": f"Bearer {_token()}"}
    address = f"/drp/v1/data-rights-request/{request.pk}"
    assert Client().get(address, headers=headers).json()["status"] == "open"
    assert outsider().delete(address, headers=headers).json()["status"] == "revoked"
    assert Client().get(address, headers=headers).status_code == 404
    assert Request.objects.get().state == "identity_pending"


def test_a_deletion_is_taken_followed_and_idempotent():
    first = _send(_request())
    assert first.status_code == 200
    assert (first.json()["status"], Interaction.objects.count()) == ("in_progress", 0)
    assert _send(_request()).json()["request_id"] == first.json()["request_id"]
    headers = {"Authorization": f"Bearer {_token()}"}
    address = f"/drp/v1/data-rights-request/{first.json()['request_id']}"
    assert Client().get(address, headers=headers).json()["status"] == "in_progress"
    assert outsider().delete(address, headers=headers).status_code == 409
    other = {"Authorization": f"Bearer {_token('agent-2', OTHER)}"}
    assert Client().get(address, headers=other).status_code == 404


def test_somebody_of_whom_nothing_is_held_is_denied_with_that_reason():
    found = _send(_request(email="nobody@example.org")).json()
    assert (found["status"], found["reason"]) == ("denied", "no_match")


NOW = timezone.now()
BAD = {
    "another key": (lambda: _send(_request(), key=OTHER), 401),
    "another agent": (lambda: _send(_request(**{"agent-id": "agent-2"})), 401),
    "another business": (lambda: _send(_request(**{"business-id": "x"})), 403),
    "from the future": (lambda: _send(_request(**{"issued-at": "2999-01-01T00:00:00+00:00"})), 403),
    "expired": (lambda: _send(_request(**{"expires-at": "2026-01-01T00:00:00+00:00"})), 403),
    "too long": (lambda: _send(_request(**{"expires-at": (NOW + timedelta(hours=1)).isoformat()})), 403),
    "no token": (
        lambda: outsider().post("/drp/v1/data-rights-request", _signed(_request()), "text/plain"),
        401,
    ),
    "another exercise": (lambda: _send(_request(exercise="access")), 400),
    "another regime": (lambda: _send(_request(regime="x")), 400),
    "not verified": (lambda: _send(_request(email_verified=False)), 400),
    "no number": (lambda: _send(_request(agent_request_id="")), 400),
    "a callback inside": (lambda: _send(_request(status_callback="https://10.0.0.1/")), 400),
    "no base64": (
        lambda: outsider().post(
            "/drp/v1/data-rights-request", "%%%", "text/plain", headers={"Authorization": f"Bearer {_token()}"}
        ),
        400,
    ),
}


@pytest.mark.parametrize(("send", "status"), BAD.values(), ids=BAD)
def test_what_does_not_hold_is_refused_and_nothing_is_done(send, status):
    answer = send()
    assert answer.status_code == status
    assert "example.org" not in answer.content.decode()
    assert not Request.objects.exists()


def test_the_status_is_called_back(settings):
    settings.FEDSHARE_PRIVATE_TARGETS = True
    with receiving() as receiver:
        _send(_request(status_callback=receiver.url))
        tell_callbacks()
    ((_, _, body),) = receiver.received
    assert json.loads(body)["status"] == "in_progress"
