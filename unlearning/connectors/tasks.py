"""Celery tasks of the connectors."""

import logging

import httpx
from celery import shared_task

from unlearning.connectors.drop import pulling
from unlearning.connectors.drp.views import tell_callbacks as tell_agents
from unlearning.connectors.opendsr.views import tell_callbacks as tell_controllers

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_TRIES = 3600
_MOST_TRIES = 24


@shared_task(name="unlearning.tell_callbacks")
def tell_callbacks() -> None:
    """Tell senders of statuses that have changed."""
    tell_controllers()
    tell_agents()


@shared_task(name="unlearning.pull_drop", bind=True, max_retries=_MOST_TRIES)
def pull_drop(self) -> None:
    """A round with California's platform; later, where it is not ready."""
    try:
        done = pulling.pull()
    except pulling.NotReady as wait:
        raise self.retry(countdown=wait.seconds, exc=wait) from None
    except httpx.HTTPError as error:
        logger.warning("California's platform could not be reached: %s", type(error).__name__)
        raise self.retry(countdown=_SECONDS_BETWEEN_TRIES, exc=ConnectionError(type(error).__name__)) from None
    logger.info("DROP: %d rows, %d requests opened, %d statuses told", done.rows, done.opened, done.told)
