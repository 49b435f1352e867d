"""Every endpoint, for every lack of a right, and for objects that are somebody else's."""

import base64

import pytest
from django.test import Client
from django.urls import get_resolver

from tests.unlearning.api.clients import EVERY_SCOPE, client, post
from tests.unlearning.people import ask_erasure, make_subject
from unlearning.api.clients import give_credentials, usual_scopes
from unlearning.requests.models import Request
from unlearning.webhooks import endpoints
from unlearning.webhooks.models import Endpoint

pytestmark = pytest.mark.django_db

NOBODY = "7e3f1c5e-0000-4000-8000-000000000000"
ENDPOINTS = [
    ("post", "subjects", "subjects:write"),
    ("post", "subjects/lookup", "subjects:read"),
    ("get", f"subjects/{NOBODY}", "subjects:read"),
    ("get", f"subjects/{NOBODY}/consents", "consents:read"),
    ("get", f"subjects/{NOBODY}/consent-record", "consents:read"),
    ("post", f"subjects/{NOBODY}/link", "consents:write"),
    ("get", f"subjects/{NOBODY}/lineage", "lineage:read"),
    ("get", f"subjects/{NOBODY}/export", "lineage:read"),
    ("post", "consents", "consents:write"),
    ("post", "consent-records", "consents:write"),
    ("post", "interactions", "interactions:write"),
    ("get", "requests", "requests:read"),
    ("post", "requests", "requests:write"),
    ("get", f"requests/{NOBODY}", "requests:read"),
    ("get", f"requests/{NOBODY}/events", "requests:read"),
    ("get", f"requests/{NOBODY}/evidence", "requests:read"),
    ("post", f"requests/{NOBODY}/cancel", "requests:write"),
    ("post", f"requests/{NOBODY}/verify-identity", "requests:manage"),
    ("post", f"requests/{NOBODY}/hold", "requests:manage"),
    ("post", f"requests/{NOBODY}/release", "requests:manage"),
    ("post", f"requests/{NOBODY}/extend", "requests:manage"),
    ("post", f"requests/{NOBODY}/refuse", "requests:manage"),
    ("get", "jobs", "requests:manage"),
    ("post", f"jobs/{NOBODY}/pause", "requests:manage"),
    ("post", f"jobs/{NOBODY}/continue", "requests:manage"),
    ("post", f"jobs/{NOBODY}/cancel", "requests:manage"),
    ("get", "versions/shop/1/lineage", "lineage:read"),
    ("get", "lineage/events", "lineage:read"),
    ("get", "webhooks", "webhooks:manage"),
    ("post", "webhooks", "webhooks:manage"),
    ("get", "webhooks/events", "webhooks:manage"),
    ("get", f"webhooks/{NOBODY}", "webhooks:manage"),
    ("put", f"webhooks/{NOBODY}", "webhooks:manage"),
    ("delete", f"webhooks/{NOBODY}", "webhooks:manage"),
    ("post", f"webhooks/{NOBODY}/rotate", "webhooks:manage"),
    ("post", f"webhooks/{NOBODY}/test", "webhooks:manage"),
    ("get", f"webhooks/{NOBODY}/deliveries", "webhooks:manage"),
    ("post", f"webhooks/{NOBODY}/deliveries/{NOBODY}/replay", "webhooks:manage"),
]


def _call(with_client, method, path):
    return getattr(with_client, method)(f"/api/v1/{path}", {}, content_type="application/json")


def test_the_list_names_every_operation():
    schema = Client().get("/api/v1/schema").json()
    described = {
        (method, path) for path, methods in schema["paths"].items() for method in methods if path.startswith("/api/v1/")
    }
    listed = set()
    for method, path, _ in ENDPOINTS:
        match = get_resolver().resolve(f"/api/v1/{path}")
        named = "/" + match.route.replace("<uuid:", "{").replace("<slug:", "{").replace("<int:", "{").replace(">", "}")
        listed.add((method, named))
    assert listed == described


@pytest.mark.parametrize(("method", "path", "scope"), ENDPOINTS)
def test_nobody_enters_without_a_token(method, path, scope):
    answer = _call(Client(), method, path)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "path", "scope"), ENDPOINTS)
def test_a_token_with_every_other_scope_is_refused(method, path, scope):
    others = " ".join(other for other in EVERY_SCOPE.split() if other != scope)
    answer = _call(client(scope=others), method, path)
    assert answer.status_code == 403
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["requests", f"subjects/{NOBODY}", f"subjects/{NOBODY}/export"])
def test_a_head_needs_the_scope_of_a_get_and_nothing_else_is_answered(path):
    other = client(scope="webhooks:manage")
    assert other.head(f"/api/v1/{path}").status_code == 403
    assert client(scope=EVERY_SCOPE).options(f"/api/v1/{path}").status_code == 405
    assert client(scope=EVERY_SCOPE).patch(f"/api/v1/{path}").status_code == 405


def test_a_null_byte_in_basic_authentication_is_malformed():
    header = base64.b64encode(b"a\0b:c").decode()
    answer = Client().post(
        "/oauth/token/", {"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {header}"}
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(("method", "path", "scope"), [one for one in ENDPOINTS if NOBODY in one[1]])
def test_what_is_not_there_is_a_problem(method, path, scope):
    answer = _call(client(scope=EVERY_SCOPE), method, path)
    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["", "/events", "/evidence", "/cancel"])
def test_a_client_sees_no_request_of_another(name):
    make_subject("ann", 100)
    request = ask_erasure("ann", source="one")
    path = f"/api/v1/requests/{request.pk}{name}"
    other = client("two")
    answer = other.post(path, {}, content_type="application/json") if name == "/cancel" else other.get(path)
    assert answer.status_code == 404
    assert other.get("/api/v1/requests").json()["results"] == []
    assert len(client("one").get("/api/v1/requests").json()["results"]) == 1


def test_the_back_office_sees_and_manages_every_request():
    make_subject("ann", 100)
    request = ask_erasure("ann", source="one", identity_verified=False)
    office = client("office", scope=EVERY_SCOPE)
    assert len(office.get("/api/v1/requests").json()["results"]) == 1
    assert post(office, f"requests/{request.pk}/hold").json()["state"] == "on_hold"
    assert post(office, f"requests/{request.pk}/release", {"reason": "x"}).json()["state"] == "identity_pending"
    answer = post(office, f"requests/{request.pk}/extend", {"reason": "complexity"})
    assert answer.json()["extension_reason"] == "complexity"
    assert post(office, f"requests/{request.pk}/verify-identity").json()["state"] == "accepted"
    refusal = post(office, f"requests/{request.pk}/refuse", {"ground": "legal_claims"})
    assert (refusal.status_code, refusal.json()["title"]) == (409, "The request conflicts with an earlier one")
    actions = [event["action"] for event in client("one").get(f"/api/v1/requests/{request.pk}/events").json()]
    assert actions == ["identity_asked", "held", "released", "extended", "identity_verified"]


def test_a_client_whose_request_was_merged_follows_it_under_its_own_id():
    make_subject("ann", 100)
    ask_erasure("ann", source="one", external_id="first")
    ask_erasure("ann", source="two", external_id="second")
    (found,) = client("two").get("/api/v1/requests", {"external_id": "second"}).json()["results"]
    assert found["external_id"] == "second"
    assert Request.objects.count() == 1


def test_who_takes_a_merged_request_back_does_not_take_back_what_another_asked():
    make_subject("ann", 100)
    request = ask_erasure("ann", source="one", identity_verified=False)
    ask_erasure("ann", source="two", external_id="second", identity_verified=False)
    ask_erasure("ann", source="three", external_id="third", identity_verified=False)
    for name in ("two", "one"):
        assert post(client(name), f"requests/{request.pk}/cancel").status_code == 200
        assert Request.objects.get().state == "identity_pending"
        assert client(name).get(f"/api/v1/requests/{request.pk}").status_code == 404
    assert client("three").get(f"/api/v1/requests/{request.pk}").json()["external_id"] == "third"
    assert post(client("three"), f"requests/{request.pk}/cancel").json()["state"] == "cancelled"


@pytest.mark.parametrize("name", ["", "/deliveries", "/rotate", "/test"])
def test_a_client_sees_no_webhook_of_another(name):
    endpoint, _ = endpoints.register(owner="one", name="x", url="https://x.example/", events=["webhook.test"])
    other, path = client("two"), f"/api/v1/webhooks/{endpoint.pk}{name}"
    post_to = name in ("/rotate", "/test")
    answer = other.post(path, {}, content_type="application/json") if post_to else other.get(path)
    assert answer.status_code == 404
    assert other.delete(f"/api/v1/webhooks/{endpoint.pk}").status_code == 404
    assert Endpoint.objects.count() == 1


def test_a_client_gets_no_scope_that_it_was_not_given():
    client_id, secret = give_credentials("plain")
    body = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
    refused = Client().post("/oauth/token/", body | {"scope": "requests:manage"})
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")
    assert Client().post("/oauth/token/", body | {"scope": " ".join(usual_scopes())}).status_code == 200


@pytest.mark.parametrize("field", ["client_id", "client_secret", "scope"])
def test_a_null_byte_in_a_token_request_is_malformed(field):
    answer = Client().post("/oauth/token/", {"grant_type": "client_credentials", field: "a\0b"})
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["nothing", "requests/", "requests/not-a-number", "subjects/x/lineage"])
def test_any_other_address_is_a_problem(path):
    answer = client().get(f"/api/v1/{path}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize("path", ["webhooks/other", "opendsr/v3/requests", "drp/v1/", "drp/v1/data-rights-request/x"])
def test_any_other_address_of_a_connector_is_a_problem(path):
    answer = Client().get(f"/{path}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
