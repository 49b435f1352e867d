"""`celery -A benchmarks.jobs.empty`: the service's own worker, in which a job has nothing to learn and to check.

What is left is the machinery: planning, waking, the broker, claim and lease, signs of life, the commit.
"""

from typing import Any

from celery.signals import worker_process_init

from fedshare_site.celery import app

__all__ = ["app"]


@worker_process_init.connect
def _without_work(**more: Any) -> None:
    """In every process of the pool; the tables are there by then."""
    from django.utils import timezone

    from unlearning.jobs import runner
    from unlearning.jobs.leasing import Claim
    from unlearning.jobs.models import Job

    def nothing(held: Claim) -> None:
        held.phase("prepare")
        with held.commit() as job:
            job.state, job.finished_at, job.progress = Job.State.DONE, timezone.now(), 1.0
            job.save(update_fields=["state", "finished_at", "progress"])

    runner._run = nothing
