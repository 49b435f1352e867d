"""OpenDSR: requests, signed answers, status callbacks to a real server."""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from django.test import Client
from django.utils import timezone

from tests.unlearning.api.clients import client as api_client
from tests.unlearning.people import ask_erasure, make_subject
from tests.unlearning.webhooks.receiver import receiving
from unlearning.connectors.models import Callback
from unlearning.connectors.opendsr import signing
from unlearning.connectors.opendsr.views import tell_callbacks
from unlearning.lineage.models import Interaction
from unlearning.lineage.subjects import Named, find_subjects, register_subject, shred
from unlearning.requests.actions import By, extend
from unlearning.requests.models import Request

pytestmark = pytest.mark.django_db

NUMBER = "a7551968-d5d6-44b2-9831-815ac9017798"


@pytest.fixture(scope="session", autouse=True)
def _key(_keys):
    signing.make_key()


@pytest.fixture
def controller():
    make_subject("customer-17", 100)
    register_subject("customer-17", [Named("email", "ann@example.org")])
    return api_client("controller", "opendsr")


def _request(**changes):
    return {
        "regulation": "gdpr",
        "subject_request_id": NUMBER,
        "subject_request_type": "erasure",
        "subject_identities": [
            {"identity_type": "email", "identity_value": "ann@example.org", "identity_format": "raw"}
        ],
        "submitted_time": "2026-11-02T15:00:00Z",
        "api_version": "2.0",
    } | changes


def _post(client, body):
    content = body if isinstance(body, str) else json.dumps(body)
    return client.post("/opendsr/v2/requests", content, content_type="application/json")


def _assert_signed(answer, public_key=None):
    pem = Client().get("/opendsr/v2/certificate.pem").content
    key = x509.load_pem_x509_certificate(pem).public_key()
    signature = base64.b64decode(answer["X-OpenDSR-Signature"])
    key.verify(signature, answer.content, padding.PKCS1v15(), hashes.SHA256())
    assert answer["X-OpenDSR-Processor-Domain"] == "localhost"


def test_discovery_says_what_is_supported():
    answer = Client().get("/opendsr/v2/discovery")
    _assert_signed(answer)
    found = answer.json()
    assert found["api_version"] == "2.0"
    assert {"identity_type": "email", "identity_format": "sha256"} in found["supported_identities"]
    assert found["supported_subject_request_types"] == ["erasure"]


def test_a_request_is_taken_signed_and_idempotent(controller):
    answer = _post(controller, _request())
    assert answer.status_code == 201
    _assert_signed(answer)
    body = answer.json()
    assert json.loads(base64.b64decode(body["encoded_request"]))["subject_request_id"] == NUMBER
    assert body["controller_id"] == "controller"
    assert not Interaction.objects.exists()
    assert _post(controller, _request()).status_code == 201
    request = Request.objects.get()
    assert (request.manner, request.external_id) == ("opendsr", NUMBER)
    status = controller.get(f"/opendsr/v2/requests/{NUMBER}")
    _assert_signed(status)
    assert status.json()["request_status"] == "in_progress"


@pytest.mark.parametrize("form", ["sha256", "sha1", "md5"])
def test_an_e_mail_is_found_by_its_hash(controller, form):
    value = hashlib.new(form, b"ann@example.org").hexdigest()
    identity = {"identity_type": "email", "identity_value": value, "identity_format": form}
    _post(controller, _request(subject_identities=[identity]))
    assert Request.objects.get().rows_removed == 40


def test_a_customer_id_finds_the_registered_identity(controller):
    identity = {"identity_type": "controller_customer_id", "identity_value": "customer-17", "identity_format": "raw"}
    _post(controller, _request(subject_identities=[identity], regulation="ccpa"))
    assert Request.objects.get().regime == "ccpa"


def test_somebody_of_whom_nothing_is_held_is_completed(controller):
    identity = {"identity_type": "email", "identity_value": "nobody@example.org", "identity_format": "raw"}
    assert _post(controller, _request(subject_identities=[identity])).status_code == 201
    found = controller.get(f"/opendsr/v2/requests/{NUMBER}").json()
    assert (found["request_status"], found["results_count"]) == ("completed", 0)


def test_it_can_not_be_taken_back_once_the_data_is_gone(controller):
    _post(controller, _request())
    answer = controller.delete(f"/opendsr/v2/requests/{NUMBER}")
    assert answer.status_code == 409
    _assert_signed(answer)


def test_it_can_be_taken_back_while_it_is_pending(controller):
    _post(controller, _request())
    Request.objects.all().delete()
    now = timezone.now()
    Request.objects.create(
        kind="erase", source="controller", external_id=NUMBER, manner="opendsr", state="identity_pending",
        received_at=now, due_at=now,
    )  # fmt: skip
    assert controller.get(f"/opendsr/v2/requests/{NUMBER}").json()["request_status"] == "pending"
    assert controller.delete(f"/opendsr/v2/requests/{NUMBER}").status_code == 202
    assert controller.get(f"/opendsr/v2/requests/{NUMBER}").json()["request_status"] == "cancelled"


SAMPLE_OF_THE_SPECIFICATION = '{"subject_request_id": "%s", "subject_request_type": "erasure", }' % NUMBER  # noqa: UP031
BAD = {
    "the specification's own sample": (SAMPLE_OF_THE_SPECIFICATION, "request"),
    "no regulation": ({k: v for k, v in _request().items() if k != "regulation"}, "regulation"),
    "another regulation": (_request(regulation="lgpd"), "regulation"),
    "access": (_request(subject_request_type="access"), "subject_request_type"),
    "upper case": (_request(subject_request_id=NUMBER.upper()), "subject_request_id"),
    "version 1": (_request(subject_request_id="6f9619ff-8b86-11d0-b42d-00c04fc964ff"), "subject_request_id"),
    "no identities": (_request(subject_identities=[]), "subject_identities"),
    "unknown type": (_request(subject_identities=[{"identity_type": "fax"}]), "subject_identities[0].identity_type"),
    "no time": (_request(submitted_time="yesterday"), "submitted_time"),
    "inside": (_request(status_callback_urls=["https://127.0.0.1/"]), "status_callback_urls[0]"),
    "a list": ([], "body"),
}


@pytest.mark.parametrize(("body", "reason"), BAD.values(), ids=BAD)
def test_a_bad_request_is_told_which_field_and_nothing_is_done(controller, body, reason):
    answer = _post(controller, body)
    assert answer.status_code == 400
    _assert_signed(answer)
    error = answer.json()["error"]
    assert error["errors"][0]["reason"] == reason
    assert "example.org" not in answer.content.decode()
    assert not Request.objects.exists()


def test_nobody_enters_without_the_scope(controller):
    for client in (Client(), api_client("other", "requests:write")):
        answer = _post(client, _request())
        assert answer.status_code == 401
        _assert_signed(answer)


def test_another_controller_does_not_see_it(controller):
    _post(controller, _request())
    assert api_client("other", "opendsr").get(f"/opendsr/v2/requests/{NUMBER}").status_code == 404


def test_a_merged_request_is_followed_under_its_own_number_and_says_nothing_of_the_other(controller):
    ask_erasure("customer-17", external_id="secret-77")
    _post(controller, _request())
    assert Request.objects.count() == 1
    found = controller.get(f"/opendsr/v2/requests/{NUMBER}")
    assert found.json()["subject_request_id"] == NUMBER
    assert "secret-77" not in found.content.decode()


def test_a_client_of_the_sandbox_is_refused(controller):
    assert _post(api_client("try", "opendsr", sandbox=True), _request()).status_code == 401
    assert Interaction.objects.count() == 40


def test_every_change_of_status_is_called_back_signed(controller, settings):
    settings.FEDSHARE_PRIVATE_TARGETS = True
    with receiving() as receiver:
        _post(controller, _request(status_callback_urls=[receiver.url]))
        tell_callbacks()
        tell_callbacks()
        request = Request.objects.get()
        for state in ("scheduled", "unlearning", "verifying"):
            Request.objects.filter(pk=request.pk).update(state=state)
        Request.objects.filter(pk=request.pk).update(state="completed", conclusion="exact", completed_at=timezone.now())
        Callback.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        tell_callbacks()
        told = [json.loads(body)["request_status"] for _, _, body in receiver.received]
        assert told == ["in_progress", "completed"]
        _, headers, body = receiver.received[1]
        key = x509.load_pem_x509_certificate(signing.certificate()).public_key()
        signature = base64.b64decode(headers["X-OpenDSR-Signature"])
        key.verify(signature, body, padding.PKCS1v15(), hashes.SHA256())
        assert json.loads(body)["status_callback_url"] == receiver.url
    assert Callback.objects.get().ended


def test_an_extension_is_called_back_once_with_the_new_date(controller, settings):
    settings.FEDSHARE_PRIVATE_TARGETS = True
    with receiving() as receiver:
        _post(controller, _request(status_callback_urls=[receiver.url]))
        tell_callbacks()
        request = extend(Request.objects.get(), By("officer"), "complexity")
        for _ in range(2):
            Callback.objects.update(next_at=timezone.now() - timedelta(seconds=1))
            tell_callbacks()
        told = [json.loads(body) for _, _, body in receiver.received]
    assert [one["request_status"] for one in told] == ["in_progress", "in_progress"]
    assert told[1]["expected_completion_time"] == request.due_at.isoformat() != told[0]["expected_completion_time"]


def test_a_callback_that_is_not_taken_is_tried_again(controller, settings):
    settings.FEDSHARE_PRIVATE_TARGETS = True
    with receiving() as receiver:
        receiver.status = 503
        _post(controller, _request(subject_request_id=str(uuid4()), status_callback_urls=[receiver.url]))
        tell_callbacks()
        assert (Callback.objects.get().tries, Callback.objects.get().told) == (1, "")
        receiver.status = 200
        Callback.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        tell_callbacks()
    assert Callback.objects.get().told == "in_progress"


def test_the_period_runs_from_when_the_person_asked(controller):
    _post(controller, _request(submitted_time="2026-11-02T15:00:00Z"))
    assert Request.objects.get().received_at == datetime(2026, 11, 2, 15, tzinfo=UTC)


def test_a_moment_that_has_not_come_is_now(controller):
    _post(controller, _request(submitted_time="2999-01-01T00:00:00Z"))
    assert Request.objects.get().received_at <= timezone.now()


def test_every_submission_that_was_merged_is_called_back(controller):
    address = "https://example.org/status"
    other = str(uuid4())
    for number in (NUMBER, other):
        _post(controller, _request(subject_request_id=number, status_callback_urls=[address]))
    assert Request.objects.count() == 1
    assert sorted(Callback.objects.values_list("external_id", flat=True)) == sorted([NUMBER, other])


def test_a_merged_submission_that_comes_again_after_the_end_is_not_refused(controller):
    ask_erasure("customer-17")
    _post(controller, _request())
    (subject,) = find_subjects(["customer-17"])
    shred(subject)
    assert _post(controller, _request()).status_code == 201
    assert Request.objects.count() == 1
