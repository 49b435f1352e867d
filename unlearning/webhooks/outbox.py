"""Telling endpoints of an event: rows in the caller's transaction, so that both are or neither."""

from typing import Any

from django.utils import timezone

from unlearning.webhooks.catalogue import WITHDRAWN
from unlearning.webhooks.models import Delivery, Endpoint


def emit(event: str, payload: dict[str, Any]) -> None:
    """Queue an event for every endpoint that subscribed to it.

    Args:
        event: a name of the catalogue.
        payload: ids and states; never an identity.
    """
    now = timezone.now()
    subscribed = Endpoint.objects.filter(disabled_at=None, events__contains=[event])
    Delivery.objects.bulk_create(
        [
            Delivery(endpoint=endpoint, event=event, payload=payload, occurred_at=now, next_at=now)
            for endpoint in subscribed
        ]
    )


def recipients() -> list[str]:
    """Names of those who are told of withdrawals."""
    told = Endpoint.objects.filter(disabled_at=None, events__contains=[WITHDRAWN])
    return sorted(set(told.values_list("name", flat=True)))
