"""Celery tasks: they fetch their row and call a service. Arguments are ids of rows, nothing else."""

from uuid import UUID

from celery import shared_task

from unlearning.jobs import fleets, planning, reporting, runner


@shared_task(name="unlearning.plan_and_sweep")
def plan_and_sweep() -> None:
    """Plan new jobs, and wake a worker for everything that nobody works on."""
    planning.plan_jobs()
    for job in planning.unclaimed_jobs():
        run_job.delay(str(job.id))
    for evidence in planning.unwritten_reports():
        write_report.delay(evidence.pk)
    fleets.sweep()


@shared_task(name="unlearning.run_job")
def run_job(job_id: str) -> None:
    """Run a job, unless somebody else has it."""
    runner.run_job(UUID(job_id))


@shared_task(name="unlearning.write_report")
def write_report(evidence_id: int) -> None:
    """Write the PDF of a completed request, unless it is there."""
    reporting.write_report(evidence_id)
