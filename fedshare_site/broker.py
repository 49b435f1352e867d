"""How each broker is set, and why.

A message only wakes a worker: what is to be done stands in the database, and beat sends a message again while nobody
has taken it. So no setting here keeps work from being lost; they keep messages from piling up and workers from
waiting on each other.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from kombu import Exchange, Queue

from fedshare_site import folder as folder_transport

QUEUES = ("intake", "webhooks", "train", "report")
"""By kind of work, so that a training never keeps a webhook or a report waiting: planning and sweeping; sending to
others; forgetting with its check, hours long; writing reports, seconds long. The check of a request has no queue of
its own, since it reads models that the same worker trained just before."""

DEAD = "dead"
"""Where RabbitMQ puts what killed its worker too often, and what nobody took in time: to be looked at."""

_DELIVERIES, _DEAD_LETTERS = 5, 1000


@dataclass(frozen=True)
class Broker:
    """What Celery is told."""

    queues: list[Queue]
    transport: dict[str, Any] = field(default_factory=dict)
    dead_letters: Queue | None = None
    """Declared by workers; nobody consumes it."""


def broker(url: str, folder: Path) -> Broker:
    """The settings for a broker.

    Args:
        url: `amqp://` for RabbitMQ, `redis://`, or `filesystem://`.
        folder: of the filesystem transport.

    Raises:
        ImproperlyConfigured: it is of another kind, for which nothing is set here.
    """
    scheme = url.partition("://")[0]
    if scheme in ("amqp", "amqps"):
        return _rabbitmq()
    if scheme in ("redis", "rediss"):
        return _redis()
    if scheme == "filesystem":
        return _filesystem(folder)
    raise ImproperlyConfigured(
        "CELERY_BROKER_URL: give an address that begins with amqp://, amqps://, redis://, rediss:// or filesystem://"
    )


def _queues(arguments: dict[str, Any] | None = None) -> list[Queue]:
    exchange = Exchange("fedshare")
    return [Queue(name, exchange, routing_key=name, queue_arguments=arguments) for name in QUEUES]


def _rabbitmq() -> Broker:
    """Quorum queues outlive the loss of a node, and count deliveries: what kills its worker ends as a dead letter."""
    quorum = {"x-queue-type": "quorum"}
    limited = quorum | {
        "x-delivery-limit": _DELIVERIES,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": DEAD,
    }
    return Broker(
        _queues(limited),
        {"confirm_publish": True},  # a publisher hears of a message that the broker did not store
        Queue(DEAD, queue_arguments=quorum | {"x-max-length": _DEAD_LETTERS}),
    )


def _redis() -> Broker:
    """Redis hands a message out again that was not acknowledged in time; no task that acknowledges late is as long."""
    transport = {
        "visibility_timeout": 600,  # seconds
        "health_check_interval": 30,  # seconds: a connection that died silently is noticed
        "socket_keepalive": True,
        "global_keyprefix": "fedshare:",  # so that the server can be shared
    }
    return Broker(_queues(), transport)


def _filesystem(folder: Path) -> Broker:
    """One folder, for one machine: nothing to install."""
    folder_transport.use()
    for name in ("messages", "control"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    transport = {
        "data_folder_in": str(folder / "messages"),
        "data_folder_out": str(folder / "messages"),
        "control_folder": str(folder / "control"),
        "store_processed": False,
        "polling_interval": 0.2,  # else one message a second is taken
    }
    return Broker(_queues(), transport)
