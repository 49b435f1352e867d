"""Celery tasks of the API."""

from celery import shared_task

from unlearning.api.idempotency import forget_old_answers


@shared_task(name="unlearning.forget_old_answers")
def forget_answers() -> None:
    """Delete answers that nobody can ask for any more."""
    forget_old_answers()
