"""The Celery application."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_process_init, worker_ready, worker_shutting_down
from django.conf import settings

from fedshare_site import tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fedshare_site.settings")

app = Celery("fedshare")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks([f"unlearning.{name}" for name in ("jobs", "webhooks", "connectors", "api")])


@worker_process_init.connect
def _trace(**more: Any) -> None:
    """In the pool's process, which does the work: threads don't outlive a fork."""
    tracing.start("fedshare-worker")


@worker_shutting_down.connect
def _hand_jobs_back(**more: Any) -> None:
    """Whoever is at work on a job hands it back at its next sign of life, so that no try and no lease is spent."""
    from unlearning.jobs.leasing import stop  # models, which are there only now

    stop()


@worker_ready.connect
def _declare_dead_letters(sender: Any, **more: Any) -> None:
    """A dead letter for which there is no queue would be gone."""
    if settings.BROKER.dead_letters is not None:
        with sender.app.connection_for_write() as connection:
            settings.BROKER.dead_letters(connection.default_channel).declare()
