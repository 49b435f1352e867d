"""Telling endpoints of an event: rows in the caller's transaction, so that both are or neither."""

from collections.abc import Collection, Sequence
from typing import Any

from django.db.models.fields.json import KT
from django.utils import timezone

from unlearning.webhooks.catalogue import WITHDRAWN
from unlearning.webhooks.models import Delivery, Endpoint

CONTROLLER = "dashboard"
"""Who stands for the controller where a client would: owner of the endpoints that an administrator registered, who may
know everything; giver of the links that an officer made."""


def emit(event: str, payload: dict[str, Any], owners: Collection[str] | None = None) -> None:
    """Queue an event for the endpoints that subscribed to it; see `emit_each`."""
    emit_each(event, [payload], owners)


def emit_each(event: str, payloads: Sequence[dict[str, Any]], owners: Collection[str] | None = None) -> None:
    """Queue events of one name for the endpoints that subscribed to it.

    What was taken back is queued for one that is disabled as well: whoever enables it again is told (GDPR art. 19).

    Args:
        event: a name of the catalogue.
        payloads: ids and states; never an identity.
        owners: of endpoints that may know, beside the controller's own; None: every one.
    """
    now = timezone.now()
    subscribed = Endpoint.objects.registered().filter(events__contains=[event])
    if event != WITHDRAWN:
        subscribed = subscribed.filter(disabled_at=None)
    if owners is not None:
        subscribed = subscribed.filter(owner__in=[*owners, CONTROLLER])
    Delivery.objects.bulk_create(
        [
            Delivery(endpoint=endpoint, event=event, payload=payload, occurred_at=now, next_at=now)
            for endpoint in subscribed
            for payload in payloads
        ]
    )


def told_of(request: str) -> list[str]:
    """Names of those who were told, or are being told, what a request took back."""
    sent = Delivery.objects.filter(event=WITHDRAWN).exclude(state=Delivery.State.FAILED)
    # What waits for an endpoint that is disabled may never be told.
    sent = sent.exclude(state=Delivery.State.PENDING, endpoint__disabled_at__isnull=False)
    about = sent.alias(about=KT("payload__request")).filter(about=request)
    return sorted(set(about.values_list("endpoint__name", flat=True)))


def recipients() -> list[str]:
    """Names of those who are told of withdrawals."""
    told = Endpoint.objects.registered().filter(events__contains=[WITHDRAWN])
    return sorted(set(told.values_list("name", flat=True)))
