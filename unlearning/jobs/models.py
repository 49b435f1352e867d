"""Jobs: the row is the truth, a Celery message only a wake-up."""

import uuid

from django.db import models
from django.db.models import Q


class Job(models.Model):
    """Forgetting one batch of requests on one recommender."""

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        DONE = "done", "done"
        NEEDS_ATTENTION = "needs_attention", "needs attention"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recommender = models.ForeignKey("models_engine.Recommender", on_delete=models.PROTECT, related_name="jobs")
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=0, help_text="Fencing token: only the latest attempt may commit")
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True, help_text="Back-off after a failure")
    phase = models.CharField(max_length=60, blank=True)
    progress = models.FloatField(default=0.0, help_text="Of the phase, 0 to 1")
    timings = models.JSONField(default=dict, help_text="Seconds by phase")
    trouble = models.TextField(blank=True, help_text="Why the last attempt failed, in plain words")
    estimated_seconds = models.FloatField(null=True, help_text="For audit models and retraining, when it was planned")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    evidence = models.OneToOneField(
        "audits.IssuedDocument",
        null=True,
        on_delete=models.SET_NULL,
        related_name="job",
        help_text="On the whole batch, once it has ended",
    )

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(condition=Q(progress__gte=0, progress__lte=1), name="job_progress"),
            # A model is forgotten on by one job at a time: the next one starts from its result.
            models.UniqueConstraint(
                fields=["recommender"],
                condition=Q(state__in=["queued", "running"]),
                name="one_open_job_for_each_recommender",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)
