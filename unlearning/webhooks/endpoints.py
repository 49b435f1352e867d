"""Registering endpoints, and their keys."""

import base64
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from audits.evidence import sealing
from unlearning.webhooks.catalogue import WITHDRAWN
from unlearning.webhooks.models import Delivery, Endpoint

_PREFIX = "whsec_"


def register(*, owner: str, name: str, url: str, events: list[str]) -> tuple[Endpoint, str]:
    """A new endpoint, and its secret in the form of Standard Webhooks, which is shown this once."""
    key = sealing.new_key()
    endpoint = Endpoint.objects.create(owner=owner, name=name, url=url, events=events, wrapped_key=sealing.wrap(key))
    return endpoint, secret(key)


def rotate(endpoint: Endpoint) -> str:
    """Give an endpoint a new key. The one before signs beside it until the next rotation."""
    key = sealing.new_key()
    # By the database's row: two rotations at once follow each other.
    mine = Endpoint.objects.filter(pk=endpoint.pk)
    mine.update(earlier_wrapped_key=F("wrapped_key"), wrapped_key=sealing.wrap(key))
    endpoint.refresh_from_db(fields=["wrapped_key", "earlier_wrapped_key"])
    return secret(key)


@transaction.atomic
def change(endpoint: Endpoint, **fields: Any) -> None:
    """Another name, address or set of events; one that was disabled is enabled."""
    for name, value in fields.items():
        setattr(endpoint, name, value)
    # These fields alone: the secret may be rotated at the same moment.
    endpoint.save(update_fields=list(fields))
    enable(endpoint)


def disable(endpoint: Endpoint, because: str) -> None:
    """Tell an endpoint nothing for now; withdrawals wait for it. The first cause stays."""
    enabled = Endpoint.objects.filter(pk=endpoint.pk, disabled_at=None)
    enabled.update(disabled_at=timezone.now(), disabled_because=because)


@transaction.atomic
def enable(endpoint: Endpoint) -> None:
    """Tell an endpoint again, and what it missed of withdrawals."""
    endpoint.disabled_at, endpoint.disabled_because = None, ""
    endpoint.save(update_fields=["disabled_at", "disabled_because"])
    missed = endpoint.deliveries.filter(event=WITHDRAWN, state=Delivery.State.FAILED)
    missed.update(state=Delivery.State.PENDING, tries=0, next_at=timezone.now())


@transaction.atomic
def remove(endpoint: Endpoint) -> None:
    """Tell an endpoint nothing more, and destroy its keys. What it was told stays on record, for who asks later."""
    now = timezone.now()
    endpoint.deliveries.filter(state=Delivery.State.PENDING).update(state=Delivery.State.FAILED)
    endpoint.removed_at, endpoint.disabled_at = now, endpoint.disabled_at or now
    endpoint.wrapped_key, endpoint.earlier_wrapped_key = b"", None
    endpoint.save(update_fields=["removed_at", "disabled_at", "wrapped_key", "earlier_wrapped_key"])


def secrets_of(endpoint: Endpoint) -> list[str]:
    """The secrets that sign, the present one first."""
    wrapped = [endpoint.wrapped_key, *([endpoint.earlier_wrapped_key] if endpoint.earlier_wrapped_key else [])]
    return [secret(sealing.unwrap(bytes(one))) for one in wrapped]


def secret(key: bytes) -> str:
    """A key as Standard Webhooks writes it."""
    return _PREFIX + base64.b64encode(key).decode()
