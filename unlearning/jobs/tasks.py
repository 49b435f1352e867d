"""Celery tasks: they fetch their row and call a service. Arguments are ids of rows, nothing else."""

from contextlib import ExitStack
from uuid import UUID

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from audits.evidence import log
from audits.evidence.models import IssuedDocument
from audits.reports import writing
from unlearning.jobs import planning, runner, sweeping
from unlearning.requests import retention

_SWEEP_REPORTS = settings.CELERY_BEAT_SCHEDULE["sweep-reports"]["schedule"]


@shared_task(name="unlearning.plan_and_sweep")
def plan_and_sweep() -> None:
    """Plan new jobs, and wake a worker for every job that nobody works on. One that fails keeps none of the others."""
    with ExitStack() as afterwards:  # last comes first; an error goes on once all have had their turn
        afterwards.callback(_wake)
        afterwards.callback(planning.give_up_silent_jobs)
        planning.plan_jobs()


def _wake() -> None:
    for job_id in planning.jobs_to_wake():
        run_job.apply_async([str(job_id)], expiration=planning.WAKE_AGAIN.total_seconds())


@shared_task(name="unlearning.sweep_files")
def sweep_files() -> None:
    """Remove files that a worker left which was killed as it committed."""
    sweeping.sweep()


@shared_task(name="unlearning.run_job", acks_late=False)
def run_job(job_id: str) -> None:
    """Run a job, unless somebody else has it.

    The lease holds the job, not the message. It is acknowledged at once, since brokers take back what stays
    unacknowledged for long (RabbitMQ closes the channel after half an hour), and a training may well.
    """
    runner.run_job(UUID(job_id))


@shared_task(name="unlearning.write_reports")
def write_reports(document_id: int) -> None:
    """Write the PDFs of an issued document, but for those that are there."""
    writing.write_reports(IssuedDocument.objects.get(pk=document_id))


@shared_task(name="unlearning.sweep_reports")
def sweep_reports() -> None:
    """Have the reports written that are still missing."""
    for document in writing.unwritten():
        write_reports.apply_async([document], expiration=_SWEEP_REPORTS)


@shared_task(name="unlearning.keep_house")
def keep_house() -> None:
    """Once a day: end the retention of old evidence, and sign the log as it stands."""
    retention.end_retention(timezone.now())
    log.checkpoint()
