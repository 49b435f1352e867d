"""Deliveries to a real endpoint: signed, retried, stopped, replayed."""

import json
import time
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.utils import DatabaseError
from django.utils import timezone
from standardwebhooks import Webhook, WebhookVerificationError

from tests.unlearning.people import ask_erasure, make_subject
from tests.unlearning.webhooks.receiver import dripping, receiving
from unlearning.webhooks import catalogue, endpoints, sending
from unlearning.webhooks.catalogue import WITHDRAWN
from unlearning.webhooks.delivering import GAPS, deliver, due, replay
from unlearning.webhooks.models import Delivery, DeliveryAttempt, Endpoint
from unlearning.webhooks.outbox import emit, recipients, told_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def receiver(settings):
    settings.FEDSHARE_PRIVATE_TARGETS = True
    with receiving() as found:
        yield found


def _register(receiver, *events):
    return endpoints.register(owner="crm", name="Mailing tool", url=receiver.url, events=list(events))


def _deliver_all():
    for delivery in due():
        deliver(delivery)


def test_an_erasure_is_told_signed_and_without_an_identity(receiver):
    make_subject("ann@example.org", 100)
    _, secret = _register(receiver, catalogue.WITHDRAWN)
    request = ask_erasure("ann@example.org")
    _deliver_all()
    ((path, headers, body),) = receiver.received
    assert path == "/hook"
    sent = Webhook(secret).verify(body, {name.lower(): value for name, value in headers.items()})
    assert sent["type"] == "data.withdrawn"
    assert sent["data"]["request"] == str(request.pk)
    assert b"ann" not in body
    assert Delivery.objects.get().state == "delivered"
    assert DeliveryAttempt.objects.get().status == 200


def test_only_what_was_subscribed_to_is_told(receiver):
    _register(receiver, catalogue.COMPLETED)
    emit(catalogue.CONSENT, {"subject": "x", "share_percent": 1})
    assert not Delivery.objects.exists()


def test_an_event_of_a_transaction_that_rolls_back_is_not_told(receiver):
    _register(receiver, catalogue.CONSENT)
    with transaction.atomic():
        emit(catalogue.CONSENT, {"subject": "x", "share_percent": 1})
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_two_rotations_at_once_lose_no_secret_but_the_oldest(receiver):
    endpoint, first = _register(receiver, catalogue.WITHDRAWN)
    same = Endpoint.objects.get(pk=endpoint.pk)
    second, third = endpoints.rotate(endpoint), endpoints.rotate(same)
    assert endpoints.secrets_of(same) == [third, second]
    assert first not in endpoints.secrets_of(same)


def test_after_a_rotation_both_secrets_hold_until_the_next(receiver):
    endpoint, first = _register(receiver, catalogue.CONSENT)
    second = endpoints.rotate(endpoint)
    emit(catalogue.CONSENT, {"subject": "x", "share_percent": 1})
    _deliver_all()
    _, headers, body = receiver.received[0]
    lower = {name.lower(): value for name, value in headers.items()}
    for secret in (first, second):
        Webhook(secret).verify(body, lower)
    endpoints.rotate(endpoint)
    replay(Delivery.objects.get())
    _deliver_all()
    _, headers, body = receiver.received[1]
    with pytest.raises(WebhookVerificationError):
        Webhook(first).verify(body, {name.lower(): value for name, value in headers.items()})


def test_refusals_are_retried_over_three_days_and_then_the_endpoint_is_disabled(receiver, monkeypatch):
    receiver.status = 500
    _register(receiver, catalogue.CONSENT)
    emit(catalogue.CONSENT, {"subject": "x", "share_percent": 1})
    now, began = timezone.now(), timezone.now()
    monkeypatch.setattr(timezone, "now", lambda: now)
    while waiting := Delivery.objects.filter(state="pending").first():
        now = max(now, waiting.next_at)
        _deliver_all()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts.count()) == ("failed", len(GAPS) + 1)
    assert timedelta(days=2, hours=20) < now - began < timedelta(days=3, hours=4)
    assert Endpoint.objects.get().disabled_because == "a delivery was not accepted for three days"
    assert recipients() == []  # it was not told of withdrawals


def test_gone_disables_the_endpoint_at_once(receiver):
    receiver.status = 410
    _register(receiver, catalogue.CONSENT)
    emit(catalogue.CONSENT, {"subject": "x", "share_percent": 1})
    emit(catalogue.CONSENT, {"subject": "x", "share_percent": 2})
    deliver(due()[0])
    assert Endpoint.objects.get().disabled_because == "it answered 410 Gone"
    assert due() == []


def test_a_redirect_is_not_followed(receiver):
    with receiving() as other:
        receiver.status, receiver.location = 307, other.url
        _register(receiver, catalogue.CONSENT)
        emit(catalogue.CONSENT, {"subject": "x", "share_percent": 1})
        _deliver_all()
        assert other.received == []
    assert "a redirect, which is not followed" in DeliveryAttempt.objects.get().trouble


def test_a_replay_is_sent_under_the_same_id(receiver):
    _register(receiver, catalogue.CONSENT)
    emit(catalogue.CONSENT, {"subject": "x", "share_percent": 1})
    _deliver_all()
    replay(Delivery.objects.get())
    _deliver_all()
    first, second = [{k.lower(): v for k, v in headers.items()} for _, headers, _ in receiver.received]
    assert first["webhook-id"] == second["webhook-id"]
    assert Delivery.objects.get().attempts.count() == 2


def test_one_message_delivered_twice_is_sent_once(receiver):
    _register(receiver, catalogue.CONSENT)
    emit(catalogue.CONSENT, {"subject": "x", "share_percent": 1})
    (delivery,) = due()
    deliver(delivery)
    deliver(delivery)
    assert len(receiver.received) == 1


def test_nobody_listening_is_an_attempt_without_a_status(settings):
    settings.FEDSHARE_PRIVATE_TARGETS = True
    endpoints.register(owner="crm", name="x", url="http://127.0.0.1:9/", events=[catalogue.CONSENT])
    emit(catalogue.CONSENT, {"subject": "x", "share_percent": 1})
    _deliver_all()
    attempt = DeliveryAttempt.objects.get()
    assert (attempt.status, attempt.trouble) == (None, "no answer: nobody listens there")


def test_a_receiver_that_never_comes_to_an_end_is_an_attempt_without_a_status(settings, monkeypatch):
    settings.FEDSHARE_PRIVATE_TARGETS = True
    monkeypatch.setattr(sending, "_MOST_SECONDS", 1)
    with dripping() as url:
        endpoints.register(owner="crm", name="Slow tool", url=url, events=[catalogue.CONSENT])
        emit(catalogue.CONSENT, {"subject": "x", "share_percent": 1})
        began = time.monotonic()
        _deliver_all()
    assert time.monotonic() - began < sending._TIMEOUT_SECONDS
    assert DeliveryAttempt.objects.get().status is None


def test_attempts_can_not_be_rewritten(receiver):
    _register(receiver, catalogue.CONSENT)
    emit(catalogue.CONSENT, {"subject": "x", "share_percent": 1})
    _deliver_all()
    with pytest.raises(DatabaseError), transaction.atomic():
        DeliveryAttempt.objects.update(status=500)


def test_secrets_are_not_kept_in_clear(receiver):
    endpoint, secret = _register(receiver, catalogue.CONSENT)
    assert secret.encode() not in json.dumps(str(vars(endpoint))).encode()


def test_evidence_names_who_was_told_though_they_are_removed_since():
    make_subject("ann", 100)
    endpoint, _secret = endpoints.register(owner="crm", name="Mailing", url="https://example.org/", events=[WITHDRAWN])
    request = ask_erasure("ann")
    Delivery.objects.update(state=Delivery.State.DELIVERED)
    endpoints.remove(endpoint)
    endpoints.register(owner="crm", name="Later", url="https://example.org/", events=[WITHDRAWN])
    assert told_of(str(request.pk)) == ["Mailing"]
    assert recipients() == ["Later"]


def test_evidence_does_not_name_who_was_never_reached():
    make_subject("ann", 100)
    endpoint, _secret = endpoints.register(owner="crm", name="Mailing", url="https://example.org/", events=[WITHDRAWN])
    request = ask_erasure("ann")
    endpoints.remove(endpoint)
    assert told_of(str(request.pk)) == []


def test_what_was_taken_back_meanwhile_is_told_once_an_endpoint_is_enabled_again(receiver):
    receiver.status = 410
    _register(receiver, catalogue.WITHDRAWN)
    make_subject("ann", 100)
    make_subject("bob", 100)
    first = ask_erasure("ann")
    _deliver_all()
    assert Endpoint.objects.get().disabled_at is not None
    assert told_of(str(first.pk)) == []
    assert recipients() == ["Mailing tool"]  # it holds the data, whether it answers or not
    ask_erasure("bob", external_id="e-2")
    assert due() == []
    receiver.status = 200
    endpoints.change(Endpoint.objects.get(), name="Mailing tool", url=receiver.url, events=[catalogue.WITHDRAWN])
    _deliver_all()
    assert set(Delivery.objects.values_list("state", flat=True)) == {"delivered"}
    assert len(receiver.received) == 3
