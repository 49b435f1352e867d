"""The rest of the API, as an integrator meets it in an afternoon."""

import json
import time
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.unlearning.api.clients import EVERY_SCOPE, client, post
from tests.unlearning.people import ask_erasure, ask_slider, make_subject
from unlearning.api.models import IdempotentAnswer
from unlearning.consent.models import ConsentEvent
from unlearning.jobs.devices import simulated_fleet
from unlearning.lineage.models import Identifier, Interaction, Item, Subject
from unlearning.lineage.subjects import find_subjects, shred
from unlearning.requests.models import Request
from unlearning.webhooks.models import Delivery

pytestmark = pytest.mark.django_db

ROW = {"subject": "ann", "item": "sku-9", "time": "2026-01-31T12:00:00Z", "category": "toys"}


def test_a_customer_is_registered_found_and_never_named():
    crm = client()
    body = {"identity": "customer-17", "identifiers": [{"type": "email", "value": "Ann@Example.org"}]}
    made = post(crm, "subjects", body)
    assert (made.status_code, made["Location"]) == (201, f"/api/v1/subjects/{made.json()['id']}")
    assert post(crm, "subjects", body).status_code == 200
    for who in ("CUSTOMER-17 ", {"type": "email", "value": "ann@example.org"}):
        assert post(crm, "subjects/lookup", {"subject": who}).json()["id"] == made.json()["id"]
    assert crm.get(made["Location"]).json()["share_percent"] == 0
    assert "ann" not in json.dumps(made.json()).lower().replace("channel", "")
    assert Identifier.objects.count() == 4  # the address, and its three hashes


def test_an_identifier_belongs_to_one_customer():
    crm, email = client(), [{"type": "email", "value": "ann@example.org"}]
    post(crm, "subjects", {"identity": "one", "identifiers": email})
    answer = post(crm, "subjects", {"identity": "two", "identifiers": email})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "identifiers[0]")
    assert Subject.objects.count() == 1


def test_who_was_erased_comes_back_only_when_somebody_says_so():
    ann = make_subject("ann", 100)
    ask_erasure("ann")
    shred(ann)
    crm = client()
    assert post(crm, "subjects", {"identity": "ann"}).status_code == 422
    assert post(crm, "subjects", {"identity": "ann", "returning": True}).status_code == 201


def test_interactions_are_stored_as_far_as_consent_covers_them():
    crm = client()
    body = {"interactions": [ROW, ROW | {"item": "sku-1"}, ROW | {"subject": "bob"}]}
    post(crm, "subjects", {"identity": "ann"})
    post(crm, "consents", {"subject": "ann", "share_percent": 100, "categories": ["toys"], "external_id": "c-1"})
    assert post(crm, "interactions", body).json() == {
        "rows": 3, "stored": 2, "known": 0, "not_covered": 1, "suppressed": 0,
    }  # fmt: skip
    assert post(crm, "interactions", body).json()["known"] == 2
    assert Item.objects.get(external_id="sku-9").category == "toys"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"time": "0001-01-01T00:00:00+14:00"}, "interactions[1].time"),
        ({"time": "2999-01-01T00:00:00Z"}, "interactions[1].time"),
        ({"time": 5}, "interactions[1].time"),
        ({"subject": "a\0"}, "interactions[1].subject"),
        ({"item": ""}, "interactions[1].item"),
        ({"item": "x" * 201}, "interactions[1].item"),
        ({"price": 5}, "interactions[1].price"),
    ],
)
def test_a_bad_row_is_named_and_none_is_stored(row, field):
    make_subject("ann", 100, items=0)
    answer = post(client(), "interactions", {"interactions": [ROW, ROW | row]})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Interaction.objects.exists()


def test_a_body_of_a_million_interactions_is_too_large():
    body = json.dumps({"interactions": [ROW] * 30_000})
    answer = client().post("/api/v1/interactions", body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")


def test_consents_are_listed_corrected_and_exported():
    ann = make_subject("ann", 80, items=0)
    crm = client()
    post(crm, "consents", {"subject": "ann", "share_percent": 30, "external_id": "c-1"})
    (latest, first) = crm.get(f"/api/v1/subjects/{ann.pk}/consents").json()["results"]
    assert (latest["share_percent"], first["share_percent"], latest["corrected"]) == (30, 80, False)
    body = {
        "subject": "ann", "share_percent": 50, "external_id": "c-2", "corrects": latest["id"],
        "effective_at": latest["effective_at"],
    }  # fmt: skip
    assert post(crm, "consents", body).status_code == 200
    assert crm.get(f"/api/v1/subjects/{ann.pk}").json()["share_percent"] == 50
    record = crm.get(f"/api/v1/subjects/{ann.pk}/consent-record").json()
    assert [event["fedshare:sharePercent"] for event in record["dpv:hasConsentStatus"]] == [80, 50]
    post(crm, "subjects", {"identity": "bob"})
    imported = post(crm, "consent-records", {"subject": "bob", "record": record})
    assert imported.json() == {"recorded": 2, "known": 0, "request": None}
    bad = post(crm, "consent-records", {"subject": "bob", "record": {"@type": "x"}})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "record.@type")


def test_a_late_event_is_taken_and_one_from_the_future_is_not():
    make_subject("ann", 80, items=0)
    crm = client()
    late = {"subject": "ann", "share_percent": 0, "external_id": "c-1", "effective_at": "2020-01-01T00:00:00Z"}
    answer = post(crm, "consents", late).json()
    assert (answer["share_percent"], answer["request"]) == (80, None)  # what is in force
    ahead = (timezone.now() + timedelta(days=1)).isoformat()
    answer = post(crm, "consents", late | {"external_id": "c-2", "effective_at": ahead})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "effective_at")


def test_a_record_from_the_future_or_from_the_year_one_is_refused():
    make_subject("ann", 80, items=0)
    for day in ("2999-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"):
        event = {"@type": "dpv:ConsentGiven", "dct:identifier": "1", "dct:date": day}
        record = {"@type": "dpv:ConsentRecord", "dpv:hasConsentStatus": [event]}
        assert post(client(), "consent-records", {"subject": "ann", "record": record}).status_code == 422
    assert ConsentEvent.objects.count() == 1


def test_requests_are_listed_filtered_and_paged():
    crm = client()
    for name in ("ann", "bob", "cem"):
        make_subject(name, 100)
        ask_erasure(name, external_id=name)
    first = crm.get("/api/v1/requests", {"page_size": 2, "state": "accepted"}).json()
    assert [one["external_id"] for one in first["results"]] == ["cem", "bob"]
    second = crm.get(first["next"]).json()
    assert ([one["external_id"] for one in second["results"]], second["next"]) == (["ann"], None)
    assert crm.get("/api/v1/requests", {"external_id": "bob"}).json()["results"][0]["external_id"] == "bob"
    assert crm.get("/api/v1/requests", {"kind": "unshare"}).json()["results"] == []
    before = (timezone.now() - timedelta(hours=1)).isoformat()
    assert crm.get("/api/v1/requests", {"received_before": before}).json()["results"] == []


@pytest.mark.parametrize(
    "query",
    [
        {"state": "lost"},
        {"cursor": "x"},
        {"cursor": "cD1hYmM="},
        {"page_size": -1},
        {"page_size": 501},
        {"page_size": "1.0"},
        {"sort": "id"},
        {"received_from": "today"},
    ],
)
def test_a_bad_filter_is_a_problem(query):
    answer = client().get("/api/v1/requests", query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, next(iter(query)))


def test_some_items_can_be_taken_back():
    make_subject("ann", 100)
    body = {"kind": "unshare", "subjects": ["ann"], "scope": {"items": ["item-1", "item-2"]}, "external_id": "r-1"}
    answer = post(client(), "requests", body)
    assert (answer.status_code, answer.json()["scope"], answer.json()["rows_removed"]) == (202, "items", 2)
    nothing = post(client(), "requests", body | {"scope": {"items": ["unheard of"]}, "external_id": "r-2"})
    assert (nothing.status_code, nothing.json()) == (200, {"request": None})


def test_everything_can_be_taken_back_without_being_erased():
    make_subject("ann", 100)
    answer = post(client(), "requests", {"kind": "unshare", "subjects": ["ann"], "external_id": "r-1"})
    assert (answer.json()["scope"], answer.json()["rows_removed"]) == ("ratio", 40)
    assert Subject.objects.get().erased_at is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scope": {"items": ["a"]}}, "scope"),
        ({"kind": "unshare", "subjects": ["a", "b"]}, "subjects"),
        ({"kind": "unshare", "scope": {"items": ["a"], "share_percent": 5}}, "scope"),
        ({"kind": "unshare", "identity_verified": False}, "identity_verified"),
        ({"kind": "unshare", "scope": {"dates": {"since": "2026-02-01", "until": "2026-01-01"}}}, "scope.dates.until"),
        ({"external_id": "ann@example.org"}, "external_id"),
        ({"subjects": [{"type": "E Mail", "value": "x"}]}, "subjects[0].type"),
        ({"subjects": [{"type": "email", "value": "x", "format": "sha256"}]}, "subjects[0].value"),
        ({"subjects": [{"type": "fax"}]}, "subjects[0].value"),
    ],
)
def test_a_request_that_makes_no_sense_is_a_problem(changes, field):
    body = {"kind": "erase", "subjects": ["a"], "external_id": "r-1"} | changes
    answer = post(client(), "requests", body)
    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]


def test_a_sender_takes_a_request_back_while_it_waits():
    make_subject("ann", 100)
    crm = client()
    body = {"kind": "erase", "subjects": ["ann"], "external_id": "r-1", "identity_verified": False}
    opened = post(crm, "requests", body)
    assert opened.json()["state"] == "identity_pending"
    assert post(crm, f"requests/{opened.json()['id']}/cancel").json()["state"] == "cancelled"
    assert Interaction.objects.count() == 40


def test_one_key_does_one_thing_once():
    make_subject("ann", 100)
    make_subject("bob", 100)
    crm = client()
    body = {"kind": "erase", "subjects": ["ann"], "external_id": "r-1"}
    first = post(crm, "requests", body, **{"Idempotency-Key": "k-1"})
    again = post(crm, "requests", body, **{"Idempotency-Key": "k-1"})
    assert (again.status_code, again.json(), again["Location"]) == (202, first.json(), first["Location"])
    assert again["Idempotency-Replayed"] == "true"
    other = post(crm, "requests", body | {"subjects": ["bob"]}, **{"Idempotency-Key": "k-1"})
    assert (other.status_code, other.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    # Another client's key is another key.
    assert (
        post(client("other"), "requests", body | {"external_id": "r-9"}, **{"Idempotency-Key": "k-1"}).status_code
        == 202
    )
    assert '"ann"' not in json.dumps(list(IdempotentAnswer.objects.values_list("answer", "body", "key")))


def test_a_refusal_leaves_the_key_free():
    crm = client()
    body = {"kind": "erase", "subjects": ["ann"], "external_id": "r-1"}
    assert post(crm, "requests", body, **{"Idempotency-Key": "k-1"}).status_code == 422
    make_subject("ann", 100)
    assert post(crm, "requests", body, **{"Idempotency-Key": "k-1"}).status_code == 202


@pytest.mark.parametrize("key", ["", " ", "x" * 101, "a\x07b"])
def test_a_key_that_is_none_is_malformed(key):
    answer = post(client(), "subjects", {"identity": "ann"}, **{"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Idempotency-Key")


def test_the_same_key_under_way_is_a_conflict_with_a_wait(monkeypatch):
    from unlearning.api import idempotency

    # Another connection holds the key's lock, as a request under way does.
    with connection.cursor() as cursor:
        cursor.execute("SELECT inet_server_port()")
    settings = connection.get_connection_params()
    import psycopg

    names = ("dbname", "user", "password", "host", "port")
    with psycopg.connect(**{name: settings[name] for name in names if name in settings}) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtextextended('crm k-1', 1))")
        answer = post(client(), "subjects", {"identity": "ann"}, **{"Idempotency-Key": "k-1"})
    assert (answer.status_code, answer["Retry-After"]) == (409, str(idempotency._SECONDS_TO_WAIT))
    assert not Subject.objects.exists()


def test_answers_are_forgotten_after_a_day():
    from unlearning.api.tasks import forget_answers

    post(client(), "subjects", {"identity": "ann"}, **{"Idempotency-Key": "k-1"})
    forget_answers()
    assert IdempotentAnswer.objects.count() == 1
    IdempotentAnswer.objects.update(at=timezone.now() - timedelta(days=2))
    forget_answers()
    assert not IdempotentAnswer.objects.exists()


def test_a_client_that_sends_too_much_is_told_how_long_to_wait(settings, monkeypatch):
    settings.FEDSHARE_RATE = 3
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - now % 10 + 4)
    crm = client("busy")
    codes = [crm.get("/api/v1/requests").status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    answer = crm.get("/api/v1/requests")
    assert (answer["Retry-After"], answer["Content-Type"]) == ("6", "application/problem+json")
    assert client("other").get("/api/v1/requests").status_code == 200


BODIES = {
    "duplicate names": (b'{"identity": "a", "identity": "b"}', 400),
    "not a number": (b'{"identity": NaN}', 400),
    "Latin-1": ('{"identity": "ä"}'.encode("latin-1"), 400),
    "UTF-16": ('{"identity": "a"}'.encode("utf-16"), 400),
    "a huge number": (b'{"identity": ' + b"9" * 5000 + b"}", 400),
    "deep": (b"[" * 100_000, 400),
    "empty": (b"", 400),
    "half a surrogate": (b'{"identity": "\\ud800"}', 400),
    "a string": (b'"a"', 400),
}


@pytest.mark.parametrize(("body", "status"), BODIES.values(), ids=BODIES)
def test_a_body_made_to_confuse_is_malformed(body, status):
    answer = client().post("/api/v1/subjects", body, content_type="application/json")
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert not Subject.objects.exists()


def test_another_charset_is_refused():
    answer = client().post("/api/v1/subjects", b'{"identity": "a"}', content_type="application/json; charset=utf-7")
    assert answer.status_code == 400


def test_a_webhook_is_registered_tested_followed_and_deleted():
    crm = client()
    body = {"name": "Mailing tool", "url": "https://hooks.example.org/x", "events": ["data.withdrawn"]}
    made = post(crm, "webhooks", body)
    assert made.status_code == 201
    assert made.json()["secret"].startswith("whsec_")
    address = made["Location"]
    assert "secret" not in crm.get(address).json()
    post(crm, "webhooks", body, **{"Idempotency-Key": "k-1"})
    assert not IdempotentAnswer.objects.exists()  # which would hold the secret
    assert post(crm, f"{address.removeprefix('/api/v1/')}/rotate").json()["secret"] != made.json()["secret"]
    told = post(crm, f"{address.removeprefix('/api/v1/')}/test")
    assert (told.status_code, told.json()["event"]) == (202, "webhook.test")
    (delivery,) = crm.get(f"{address}/deliveries", {"state": "pending"}).json()["results"]
    Delivery.objects.update(state="failed")
    replayed = post(crm, f"{address.removeprefix('/api/v1/')}/deliveries/{delivery['id']}/replay")
    assert replayed.json()["state"] == "pending"
    changed = crm.put(address, body | {"name": "Other"}, content_type="application/json")
    assert changed.json()["name"] == "Other"
    assert crm.delete(address).status_code == 204
    assert crm.get(address).status_code == 404


@pytest.mark.parametrize("url", ["https://127.0.0.1/", "http://example.org/", "https://[::1]/", "x"])
def test_a_webhook_to_an_address_inside_is_refused(url):
    answer = post(client(), "webhooks", {"name": "x", "url": url, "events": ["data.withdrawn"]})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "url")


def test_the_export_answers_an_access_request():
    make_subject("ann", 100, items=3)
    crm = client()
    subject = post(crm, "subjects/lookup", {"subject": "ann"}).json()["id"]
    found = crm.get(f"/api/v1/subjects/{subject}/export").json()
    assert len(found["interactions"]) == 3
    assert found["consent_record"]["@type"] == "dpv:ConsentRecord"
    pdf = crm.get(f"/api/v1/subjects/{subject}/export", headers={"Accept": "application/pdf"})
    assert pdf.content.startswith(b"%PDF")


def test_the_export_has_what_was_corrected_and_what_is_being_forgotten(recommender):
    (subject,) = find_subjects(["u3"])
    wrong = subject.consent_events.get()
    ask_slider("u3", 0, corrects=wrong.pk)
    found = client().get(f"/api/v1/subjects/{subject.pk}/export")
    assert [one["share_percent"] for one in found.json()["corrected"]] == [wrong.share_percent]
    assert [one["version"] for one in found.json()["being_forgotten"]] == [1]
    traced = client(scope=EVERY_SCOPE).get(f"/api/v1/subjects/{subject.pk}/lineage").json()
    assert (traced["carries"], [one["version"] for one in traced["leaving"]]) == (True, [1])
    pdf = client().get(f"/api/v1/subjects/{subject.pk}/export", headers={"Accept": "application/pdf"})
    assert pdf.content.startswith(b"%PDF")


def test_the_sandbox_answers_like_the_real_thing_and_touches_nothing(settings):
    crm = client("crm", sandbox=True)
    opened = post(crm, "requests", {"kind": "erase", "subjects": ["ann", "bob"], "external_id": "r-1"})
    assert (opened.status_code, opened["FedShare-Sandbox"]) == (202, "true")
    assert (opened.json()["state"], opened.json()["subjects"]) == ("accepted", 2)
    assert opened.json()["rows_removed"] > 0
    assert crm.get(opened["Location"]).json() == opened.json()
    moved = post(crm, "consents", {"subject": "ann", "share_percent": 10, "external_id": "s-1"})
    assert (moved.status_code, moved.json()["request"]["kind"]) == (202, "unshare")
    unknown = post(crm, "requests", {"kind": "erase", "subjects": ["unknown-1"], "external_id": "r-2"})
    assert unknown.status_code == 422
    assert post(crm, "requests", {"kind": "erase"}).status_code == 400
    assert not any(model.objects.exists() for model in (Subject, Request, ConsentEvent, Interaction, Item))
    assert not settings.FEDSHARE_JOURNAL.exists()


def test_the_sandbox_leaves_a_real_customer_alone_and_does_not_see_them():
    ann = make_subject("ann", 100)
    request = ask_erasure("ann", identity_verified=False)
    crm = client("crm", scope=EVERY_SCOPE, sandbox=True)
    opened = post(crm, "requests", {"kind": "erase", "subjects": ["ann"], "external_id": "r-1"})
    assert (opened.status_code, Interaction.objects.count()) == (202, 40)
    assert post(crm, "subjects/lookup", {"subject": "ann"}).json()["id"] != str(ann.pk)
    for path in ("", "/export", "/lineage", "/consents", "/consent-record"):
        assert crm.get(f"/api/v1/subjects/{ann.pk}{path}").status_code == 404
    assert post(crm, f"subjects/{ann.pk}/link").status_code == 404
    assert crm.get(f"/api/v1/requests/{request.pk}").status_code == 404
    assert post(crm, f"requests/{request.pk}/verify-identity").status_code == 404
    listed = crm.get("/api/v1/requests", {"external_id": "r-1"}).json()["results"]
    assert [one["id"] for one in listed] == [opened.json()["id"]]
    assert client("other", sandbox=True).get(opened["Location"]).status_code == 404


def test_the_reference_can_be_read():
    page = Client().get("/api/v1/").content.decode()
    assert "open_request" in page
    assert "Idempotency-Key" in page


def test_moments_are_told_in_utc():
    make_subject("ann", 100)
    opened = post(client(), "requests", {"kind": "erase", "subjects": ["ann"], "external_id": "r-1"})
    assert datetime.fromisoformat(opened.json()["received_at"]).utcoffset() == timedelta(0)


def test_interactions_of_the_sandbox_reach_no_device():
    make_subject("real", 100)
    before = simulated_fleet().digest()
    rows = [{"subject": "ann", "item": "sku-9", "time": "2026-01-31T12:00:00Z"}]
    crm = client("crm", scope=EVERY_SCOPE, sandbox=True)
    stored = post(crm, "interactions", {"interactions": rows}).json()
    assert stored["stored"] + stored["not_covered"] == 1
    assert simulated_fleet().digest() == before


def test_the_sandbox_makes_up_customers_whose_interactions_come_in():
    crm = client("crm", scope=EVERY_SCOPE, sandbox=True)
    rows = [{"subject": f"c-{n % 3}", "item": f"sku-{n}", "time": "2026-01-31T12:00:00Z"} for n in range(60)]
    assert 30 < post(crm, "interactions", {"interactions": rows}).json()["stored"] < 60
    assert not Subject.objects.exists()


def test_a_null_byte_in_a_filter_is_a_problem_as_everywhere():
    answer = client().get("/api/v1/requests?external_id=%00")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["status"] == 400


def test_what_nobody_foresaw_is_a_problem_as_everywhere(settings):
    make_subject("ann", 100)
    (settings.FEDSHARE_JOURNAL / "erasures.jsonl").mkdir(parents=True)
    crm = client()
    crm.raise_request_exception = False
    answer = post(crm, "requests", {"kind": "erase", "subjects": ["ann"], "external_id": "r-1"})
    assert (answer.status_code, answer["Content-Type"]) == (500, "application/problem+json")
    assert Interaction.objects.count() == 40


def test_who_is_being_erased_is_told_to_wait_until_that_has_ended():
    make_subject("ann", 100)
    ask_erasure("ann")
    refused = post(client(scope=EVERY_SCOPE), "subjects", {"identity": "ann", "returning": True})
    assert refused.status_code == 422
    assert "once that request has ended" in refused.json()["errors"][0]["detail"]


def test_a_list_names_a_request_by_the_id_that_was_asked_for():
    make_subject("ann", 100)
    crm = client("crm", scope=EVERY_SCOPE)
    for number in ("m-1", "m-2"):
        post(crm, "requests", {"kind": "erase", "subjects": ["ann"], "external_id": number})
        listed = crm.get("/api/v1/requests", {"external_id": number}).json()["results"]
        assert [one["external_id"] for one in listed] == [number]


def test_the_period_runs_from_when_the_customer_asked():
    make_subject("ann", 100)
    asked = timezone.now() - timedelta(days=10)
    body = {"kind": "erase", "subjects": ["ann"], "external_id": "r-1", "received_at": asked.isoformat()}
    opened = post(client("crm"), "requests", body)
    assert datetime.fromisoformat(opened.json()["received_at"]) == asked
    ahead = body | {"external_id": "r-2", "received_at": (timezone.now() + timedelta(hours=1)).isoformat()}
    refused = post(client("crm"), "requests", ahead)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "received_at")


def test_who_takes_back_a_merged_request_sees_their_own_id_alone():
    make_subject("ann", 100)
    body = {"kind": "erase", "subjects": ["ann"], "identity_verified": False}
    opened = post(client("one"), "requests", body | {"external_id": "of-one"})
    other = client("two")
    post(other, "requests", body | {"external_id": "of-two"})
    taken_back = post(other, f"requests/{opened.json()['id']}/cancel")
    assert (taken_back.status_code, taken_back.json()["external_id"]) == (200, "of-two")
    assert other.get(opened["Location"]).status_code == 404


def test_a_waiting_request_that_is_sent_again_as_verified_is_refused():
    make_subject("ann", 100)
    body = {"kind": "erase", "subjects": ["ann"], "external_id": "r-1"}
    assert post(client(), "requests", body | {"identity_verified": False}).status_code == 202
    assert post(client(), "requests", body).status_code == 409
    assert post(client(), "requests", body | {"identity_verified": False}).status_code == 200


def test_who_is_being_erased_gets_no_link():
    subject = make_subject("ann", 100)
    ask_erasure("ann")
    assert post(client(scope=EVERY_SCOPE), f"subjects/{subject.pk}/link").status_code == 422
