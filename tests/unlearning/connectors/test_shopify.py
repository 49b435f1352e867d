"""Shopify's deliveries, signed as Shopify signs them."""

import base64
import hashlib
import hmac
import json
import logging

import pytest

from tests.unlearning.connectors.outsider import outsider
from tests.unlearning.people import make_subject
from unlearning.connectors import secrets
from unlearning.lineage.models import Interaction
from unlearning.lineage.subjects import Named, register_subject
from unlearning.requests.models import Request
from unlearning.webhooks import catalogue, endpoints
from unlearning.webhooks.models import Delivery

pytestmark = pytest.mark.django_db

SHOP = "berlin.example.com"
SECRET = "hush"


@pytest.fixture(autouse=True)
def _secret():
    secrets.add("shopify", "", SECRET)


def _customer(identity="ann", number="207119551", email="ann@example.org"):
    make_subject(identity, 100)
    register_subject(identity, [Named(f"shopify:{SHOP}", number), Named("email", email)])


def _redaction(**customer):
    body = {"shop_id": 954889, "shop_domain": SHOP, "customer": customer, "orders_to_redact": [299938]}
    return json.dumps(body).encode()


def _send(body, topic="customers/redact", secret=SECRET, webhook_id="w-1", prefix="X-Shopify-", **headers):
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    sent = {
        f"{prefix}Topic": topic,
        f"{prefix}Hmac-Sha256": signature,
        f"{prefix}Shop-Domain": SHOP,
        f"{prefix}Webhook-Id": webhook_id,
    } | headers
    return outsider().post("/webhooks/shopify", body, content_type="application/json", headers=sent)


@pytest.mark.parametrize("prefix", ["X-Shopify-", "shopify-"])
def test_a_customer_is_erased(prefix):
    _customer()
    assert _send(_redaction(id=207119551, email=None, phone=None), prefix=prefix).status_code == 200
    request = Request.objects.get()
    assert (request.kind, request.manner, request.state, request.rows_removed) == ("erase", "shopify", "accepted", 40)


def test_a_customer_is_found_by_e_mail_as_well():
    _customer()
    _send(_redaction(id=1, email="Ann@Example.org", phone=None))
    assert not Interaction.objects.exists()


def test_identifiers_of_two_customers_erase_neither_until_an_officer_knows_who_asks():
    _customer()
    register_subject("bob", [Named("email", "bob@example.org")])
    _send(_redaction(id=207119551, email="bob@example.org", phone=None))
    request = Request.objects.get()
    assert (request.state, request.subjects.count(), request.rows_removed_at) == ("identity_pending", 2, None)
    assert Interaction.objects.count() == 40


def test_a_delivery_that_comes_twice_opens_one_request():
    _customer()
    body = _redaction(id=207119551, email=None, phone=None)
    assert [_send(body).status_code for _ in range(2)] == [200, 200]
    assert Request.objects.count() == 1


def test_a_customer_of_whom_nothing_is_held_is_put_on_record():
    assert _send(_redaction(id=5, email=None, phone=None)).status_code == 200
    assert _send(_redaction(id=5, email=None, phone=None)).status_code == 200
    request = Request.objects.get()
    assert (request.state, request.denial) == ("refused", "not_held")


def test_a_whole_shop_is_erased_and_no_other():
    _customer()
    _customer("bob", "2", "bob@example.org")
    make_subject("cem", 100)
    body = json.dumps({"shop_id": 954889, "shop_domain": SHOP}).encode()
    assert _send(body, topic="shop/redact").status_code == 200
    assert Request.objects.get().subjects.count() == 2
    assert Interaction.objects.count() == 40


def test_a_data_request_is_passed_on_without_an_identity():
    _customer()
    endpoints.register(owner="crm", name="CRM", url="https://crm.example.org/", events=[catalogue.ACCESS])
    body = json.dumps(
        {"shop_domain": SHOP, "customer": {"id": 207119551}, "orders_requested": [], "data_request": {"id": 9999}}
    ).encode()
    assert _send(body, topic="customers/data_request").status_code == 200
    told = Delivery.objects.get().payload
    assert told["export"].endswith("/export")
    assert told["reference"] == "9999"


def test_a_topic_that_the_body_is_not_of_is_refused():
    _customer()
    body = json.dumps({"shop_domain": SHOP, "customer": {"id": 207119551}, "data_request": {"id": 1}}).encode()
    assert [_send(body, topic=topic).status_code for topic in ("shop/redact", "customers/redact")] == [400, 400]
    assert not Request.objects.exists()


@pytest.mark.parametrize(
    "send",
    [
        lambda body: _send(body, secret="wrong"),
        lambda body: _send(body, **{"X-Shopify-Hmac-Sha256": ""}),
        lambda body: _send(body, **{"X-Shopify-Hmac-Sha256": "\xe9"}),
        lambda body: _send(body, **{"X-Shopify-Shop-Domain": ""}),
    ],
)
def test_what_is_not_signed_is_refused_and_nothing_is_done(send):
    _customer()
    assert send(_redaction(id=207119551, email=None, phone=None)).status_code == 401
    assert not Request.objects.exists()


def test_a_signature_over_the_same_json_spelt_otherwise_does_not_hold():
    _customer()
    body = _redaction(id=207119551, email=None, phone=None)
    respelt = json.dumps(json.loads(body), separators=(",", ":")).encode()
    signature = base64.b64encode(hmac.new(SECRET.encode(), respelt, hashlib.sha256).digest()).decode()
    assert _send(body, **{"X-Shopify-Hmac-Sha256": signature}).status_code == 401


def test_secrets_rotate_without_a_gap_and_are_encrypted():
    _customer()
    new = secrets.add("shopify", SHOP, "newer")
    body = _redaction(id=207119551, email=None, phone=None)
    assert _send(body, secret="newer").status_code == _send(body).status_code == 200
    new.delete()
    assert _send(body, secret="newer").status_code == 401
    assert b"newer" not in bytes(new.sealed)


@pytest.mark.parametrize(
    ("body", "topic"),
    [
        (b"{", "customers/redact"),
        (b"[]", "customers/redact"),
        (b"[" * 100_000, "customers/redact"),
        (json.dumps({"shop_domain": SHOP}).encode(), "customers/redact"),
        (json.dumps({"shop_domain": SHOP, "customer": {}}).encode(), "customers/redact"),
        (json.dumps({"shop_domain": SHOP, "customer": {"email": "a\0b"}}).encode(), "customers/redact"),
        (json.dumps({"shop_domain": "other.example.com"}).encode(), "shop/redact"),
        (_redaction(id=1), "orders/paid"),
    ],
)
def test_a_signed_delivery_that_makes_no_sense_is_malformed(body, topic, caplog):
    caplog.set_level(logging.DEBUG)
    _customer()
    assert _send(body, topic=topic).status_code == 400
    assert not Request.objects.exists()


def test_no_identity_is_logged(caplog):
    caplog.set_level(logging.DEBUG)
    _customer()
    _send(_redaction(id=207119551, email="ann@example.org", phone="+49123"))
    assert "ann@" not in caplog.text
    assert "207119551" not in caplog.text
