"""Celery tasks of the webhooks. Arguments are ids of rows, nothing else."""

from uuid import UUID

from celery import shared_task

from unlearning.webhooks import delivering

_SECONDS_A_MESSAGE_LIVES = 30


@shared_task(name="unlearning.sweep_deliveries")
def sweep_deliveries() -> None:
    """Wake a worker for every delivery that is due."""
    for delivery in delivering.due():
        deliver.apply_async([str(delivery)], expiration=_SECONDS_A_MESSAGE_LIVES)


@shared_task(name="unlearning.deliver")
def deliver(delivery_id: str) -> None:
    """Try a delivery."""
    delivering.deliver(UUID(delivery_id))
