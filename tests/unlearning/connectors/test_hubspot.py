"""HubSpot's deliveries, signed after its version 3."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from tests.unlearning.connectors.outsider import outsider
from tests.unlearning.people import make_subject
from unlearning.connectors import secrets
from unlearning.lineage.models import Interaction
from unlearning.lineage.subjects import Named, register_subject
from unlearning.requests.models import Request

pytestmark = pytest.mark.django_db

SECRET = "hush"
PUBLIC = "https://fedshare.example"


@pytest.fixture(autouse=True)
def _world(settings):
    settings.FEDSHARE_PUBLIC_URL = PUBLIC
    secrets.add("hubspot", "", SECRET)
    make_subject("ann", 100)
    register_subject("ann", [Named("hubspot:62515", "1246965")])


def _event(**changes):
    return {
        "eventId": 100, "subscriptionId": 1, "portalId": 62515, "appId": 54, "occurredAt": 1764000000000,
        "subscriptionType": "contact.privacyDeletion", "attemptNumber": 0, "objectId": 1246965,
        "changeSource": "CRM", "changeFlag": "DELETED",
    } | changes  # fmt: skip


def _send(events, *, age=0.0, uri=f"{PUBLIC}/webhooks/hubspot", path="/webhooks/hubspot", secret=SECRET, host=None):
    body = json.dumps(events).encode()
    timestamp = str(int((time.time() - age) * 1000))
    message = b"POST" + uri.encode() + body + timestamp.encode()
    signature = base64.b64encode(hmac.new(secret.encode(), message, hashlib.sha256).digest()).decode()
    headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": timestamp}
    return outsider().post(
        path, body, content_type="application/json", headers=headers | ({"Host": host} if host else {})
    )


def test_a_privacy_deletion_erases_once_and_the_plain_deletion_beside_it_does_not():
    answer = _send([_event(), _event(eventId=101, subscriptionType="contact.deletion")])
    assert answer.status_code == 200
    request = Request.objects.get()
    assert (request.manner, request.external_id, request.rows_removed) == ("hubspot", "62515-100", 40)
    assert _send([_event(attemptNumber=1)]).status_code == 200
    assert Request.objects.count() == 1


def test_the_same_contact_number_in_another_portal_is_somebody_else():
    _send([_event(portalId=7)])
    assert Request.objects.get().denial == "not_held"
    assert Interaction.objects.count() == 40


@pytest.mark.parametrize(
    "delivery",
    [
        {"age": 301},
        {"age": -120},
        {"secret": "wrong"},
        {"uri": "https://elsewhere.example/webhooks/hubspot"},
        {"uri": f"{PUBLIC}/webhooks/hubspot?x=1"},
    ],
    ids=["stale", "from the future", "another secret", "another host", "another query"],
)
def test_what_does_not_hold_is_refused(delivery):
    assert _send([_event()], **delivery).status_code == 401
    assert not Request.objects.exists()


def test_the_address_comes_from_the_setting_and_not_from_a_header():
    assert _send([_event()], host="localhost").status_code == 200


@pytest.mark.parametrize(
    "events", [{}, [_event(objectId="x")], [_event(eventId=True)], [_event(), _event(portalId=-1)]]
)
def test_a_signed_delivery_that_makes_no_sense_is_malformed_and_nothing_of_it_is_done(events):
    assert _send(events).status_code == 400
    assert not Request.objects.exists()


@pytest.mark.parametrize("timestamp", ["9" * 400, "", "-1", "1e3", "٣"])
def test_a_timestamp_that_is_none_is_refused(timestamp):
    headers = {"X-HubSpot-Signature-v3": "x", "X-HubSpot-Request-Timestamp": timestamp}
    answer = outsider().post("/webhooks/hubspot", "[]", content_type="application/json", headers=headers)
    assert answer.status_code == 401


def test_other_events_are_ignored():
    assert _send(["x", 5, None, {"subscriptionType": "contact.creation"}]).status_code == 200
    assert not Request.objects.exists()
