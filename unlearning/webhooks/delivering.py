"""Delivering events: signed after Standard Webhooks, tried over three days, every attempt on record."""

import http.client
import json
import socket
import time
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from standardwebhooks import Webhook

from unlearning.webhooks.addresses import Forbidden
from unlearning.webhooks.catalogue import EXAMPLES, TEST
from unlearning.webhooks.endpoints import disable, secrets_of
from unlearning.webhooks.models import Delivery, DeliveryAttempt, Endpoint
from unlearning.webhooks.sending import post

GAPS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 3600, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 16 * 3600, 20 * 3600)
)
"""Between one attempt and the next: three days in all."""

_CLAIM = timedelta(seconds=60)
_GONE = 410
_NO_ANSWER = {
    socket.gaierror: "no answer: nobody has this name (DNS)",
    ConnectionRefusedError: "no answer: nobody listens there",
    TimeoutError: "no answer in time",
}


def due(most: int = 200) -> list[UUID]:
    """Deliveries that somebody should try now, the oldest first."""
    now = timezone.now()
    waiting = Delivery.objects.filter(
        state=Delivery.State.PENDING, next_at__lte=now, endpoint__disabled_at=None
    ).order_by("next_at")
    return list(waiting.values_list("pk", flat=True)[:most])


def deliver(delivery_id: UUID) -> None:
    """Try a delivery that is due, unless somebody else does."""
    delivery = _claim(delivery_id)
    if delivery is None:
        return
    endpoint = delivery.endpoint
    body = json.dumps(
        {"type": delivery.event, "timestamp": delivery.occurred_at.isoformat(), "data": delivery.payload},
        separators=(",", ":"),
    )
    began = time.monotonic()
    status, trouble = None, ""
    try:
        status = post(endpoint.url, body.encode(), _headers(endpoint, delivery, body))
    except Forbidden as error:
        trouble = str(error)
    except (OSError, ValueError, http.client.HTTPException) as error:
        trouble = _NO_ANSWER.get(type(error), f"no answer: {type(error).__name__}")
    _conclude(delivery, status, trouble, round((time.monotonic() - began) * 1000))


def replay(delivery: Delivery) -> None:
    """Deliver something again, from the first attempt on."""
    delivery.state, delivery.tries, delivery.next_at = Delivery.State.PENDING, 0, timezone.now()
    delivery.save(update_fields=["state", "tries", "next_at"])


def send_test(endpoint: Endpoint) -> Delivery:
    """Tell an endpoint that this is a test, whether it subscribed to tests or not."""
    now = timezone.now()
    return Delivery.objects.create(endpoint=endpoint, event=TEST, payload=EXAMPLES[TEST], occurred_at=now, next_at=now)


@transaction.atomic
def _claim(delivery_id: UUID) -> Delivery | None:
    now = timezone.now()
    claimed = Delivery.objects.filter(pk=delivery_id, state=Delivery.State.PENDING, next_at__lte=now).update(
        next_at=now + _CLAIM
    )
    return Delivery.objects.select_related("endpoint").get(pk=delivery_id) if claimed else None


def _headers(endpoint: Endpoint, delivery: Delivery, body: str) -> dict[str, str]:
    now = timezone.now()
    signatures = [Webhook(secret).sign(str(delivery.pk), now, body) for secret in secrets_of(endpoint)]
    return {
        "Content-Type": "application/json",
        "User-Agent": "FedShare-Webhooks/1",
        "webhook-id": str(delivery.pk),
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


@transaction.atomic
def _conclude(delivery: Delivery, status: int | None, trouble: str, milliseconds: int) -> None:
    now = timezone.now()
    accepted = status is not None and 200 <= status < 300
    if not accepted and status is not None:
        trouble = f"answered {status}" + (", a redirect, which is not followed" if 300 <= status < 400 else "")
    DeliveryAttempt.objects.create(delivery=delivery, at=now, status=status, trouble=trouble, milliseconds=milliseconds)
    delivery.tries += 1
    if accepted:
        delivery.state = Delivery.State.DELIVERED
    elif status == _GONE or delivery.tries > len(GAPS):
        delivery.state = Delivery.State.FAILED
    else:
        delivery.next_at = now + GAPS[delivery.tries - 1]
    delivery.save(update_fields=["state", "tries", "next_at"])
    if status == _GONE:
        disable(delivery.endpoint, "it answered 410 Gone")
    elif delivery.state == Delivery.State.FAILED:
        disable(delivery.endpoint, "a delivery was not accepted for three days")
