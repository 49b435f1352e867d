"""The API as an integrator's client meets it."""

import json
import logging

import pytest
from django.test import Client

from tests.unlearning.api.clients import client as _client
from tests.unlearning.people import make_subject
from unlearning.consent.models import ConsentState
from unlearning.lineage.models import Interaction
from unlearning.requests.models import Request

pytestmark = pytest.mark.django_db


def _post(client: Client, path: str, body):
    return client.post(f"/api/v1/{path}", body, content_type="application/json")


def _erasure(*subjects, external_id="r-1", **more):
    return {"kind": "erase", "subjects": list(subjects), "external_id": external_id} | more


def test_an_erasure_is_accepted_and_can_be_followed():
    make_subject("ann", 100)
    client = _client()
    answer = _post(client, "requests", _erasure("ann"))
    assert answer.status_code == 202
    assert Interaction.objects.count() == 0
    found = client.get(answer["Location"]).json()
    assert (found["state"], found["subjects"], found["rows_removed"]) == ("accepted", 1, 40)
    assert (found["conclusion"], found["evidence"], found["job"]) == (None, None, None)


def test_a_repeat_finds_the_first_request():
    make_subject("ann", 100)
    client = _client()
    first = _post(client, "requests", _erasure("ann"))
    second = _post(client, "requests", _erasure("ann"))
    assert (second.status_code, second.json()["id"]) == (200, first.json()["id"])
    assert Request.objects.count() == 1


def test_an_id_that_stands_for_another_request_is_a_conflict_and_nothing_is_lost():
    for name in ("ann", "bob"):
        make_subject(name, 100)
    client = _client()
    _post(client, "requests", _erasure("ann"))
    answers = [
        _post(client, "requests", _erasure("bob")),
        _post(client, "requests", _erasure("ann", "bob")),
        _post(client, "consents", {"subject": "bob", "share_percent": 5, "external_id": "r-1"}),
    ]
    assert [answer.status_code for answer in answers] == [409] * 3
    assert all(answer["Content-Type"] == "application/problem+json" for answer in answers)
    assert _post(client, "requests", _erasure("bob") | {"external_id": "e-2"}).status_code == 202


def test_a_change_of_the_slider_that_is_sent_again_late_does_not_override_what_came_after():
    ann = make_subject("ann", 20)
    client = _client()
    raised = {"subject": "ann", "share_percent": 80, "external_id": "s-1"}
    _post(client, "consents", raised)
    _post(client, "consents", {"subject": "ann", "share_percent": 40, "external_id": "s-2"})
    assert _post(client, "consents", raised).status_code == 200
    assert ConsentState.objects.get(subject=ann).share_percent == 40
    assert _post(client, "consents", raised | {"share_percent": 10}).status_code == 409


def test_evidence_can_be_asked_for_as_pdf():
    make_subject("ann", 100)
    client = _client()
    opened = _post(client, "requests", _erasure("ann"))
    answer = client.get(f"{opened['Location']}/evidence", headers={"Accept": "application/pdf"})
    assert answer.status_code == 404  # not written yet, but not 406


@pytest.mark.parametrize("body", ["[" * 100_000, '{"\\ud800": 1}'], ids=["deeply nested", "half a surrogate"])
def test_a_body_made_to_break_the_reader_is_a_problem(body):
    answer = _client().post("/api/v1/requests", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_lowering_the_slider_opens_an_unshare_request():
    make_subject("ann", 80, items=100)
    client = _client()
    body = {"subject": "ann", "share_percent": 20, "external_id": "s-1"}
    answer = _post(client, "consents", body)
    assert answer.status_code == 202
    assert answer.json()["request"]["kind"] == "unshare"
    assert _post(client, "consents", body).status_code == 200


def test_raising_the_slider_is_recorded_without_a_request():
    make_subject("ann", 20)
    answer = _post(_client(), "consents", {"subject": "ann", "share_percent": 80, "external_id": "s-1"})
    assert (answer.status_code, answer.json()["share_percent"], answer.json()["request"]) == (200, 80, None)


BAD_BODIES = {
    "unknown subject": (_erasure("ann", "nobody@example.org"), 422, "subjects[1]"),
    "no subject": (_erasure(), 400, "subjects"),
    "a subject twice": (_erasure("ann", "ann"), 400, "subjects"),
    "a number for subjects": (_erasure() | {"subjects": 5}, 400, "subjects"),
    "null in subjects": (_erasure(None), 400, "subjects[0]"),
    "null byte": (_erasure("a\0b"), 400, "subjects[0]"),
    "very long id": (_erasure("a" * 201), 400, "subjects[0]"),
    "no external id": ({"kind": "erase", "subjects": ["ann"]}, 400, "external_id"),
    "another kind": (_erasure("ann") | {"kind": "access"}, 400, "kind"),
    "another regime": (_erasure("ann", regime="lgpd"), 400, "regime"),
    "misspelt field": (_erasure("ann", regmie="gdpr"), 400, "regmie"),
    "a list": ([_erasure("ann")], 400, "body"),
}


@pytest.mark.parametrize(("body", "status", "field"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_bad_body_is_a_problem_that_names_the_field_and_repeats_no_identity(body, status, field, caplog):
    make_subject("ann", 100)
    caplog.set_level(logging.DEBUG)
    answer = _post(_client(), "requests", body)
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert field in [error["field"] for error in problem["errors"]]
    assert "example.org" not in json.dumps(problem) + caplog.text
    assert "lgpd" not in json.dumps(problem)
    assert not Request.objects.exists()
    assert Interaction.objects.count() == 40


def test_a_body_that_is_no_json_is_a_problem():
    answer = _client().post("/api/v1/requests", "{", content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_another_media_type_is_a_problem():
    answer = _client().post("/api/v1/requests", "<a/>", content_type="application/xml")
    assert answer.status_code == 415


def test_a_client_sees_only_its_own_requests():
    make_subject("ann", 100)
    opened = _post(_client("one"), "requests", _erasure("ann"))
    assert _client("two").get(opened["Location"]).status_code == 404


def test_the_schema_has_no_warning(capsys):
    from django.core.management import call_command

    call_command("spectacular", "--validate", "--fail-on-warn", "--file", "/dev/null")
