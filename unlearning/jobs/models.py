"""Jobs: the row is the truth, a Celery message only a wake-up."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Job(models.Model):
    """Forgetting one batch of requests on one recommender."""

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        RUNNING = "running", "running"
        PAUSED = "paused", "paused"
        DONE = "done", "done"
        NEEDS_ATTENTION = "needs_attention", "needs attention"
        CANCELLED = "cancelled", "cancelled"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    recommender = models.ForeignKey("models_engine.Recommender", on_delete=models.PROTECT, related_name="jobs")
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    attempt = models.PositiveIntegerField(default=0, help_text="Fencing token: only the latest attempt may commit")
    tries = models.PositiveIntegerField(
        default=0,
        db_default=0,  # for workers of the release before, which don't know it
        help_text="Attempts since it was planned, or last asked to go on",
    )
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True, help_text="Back-off after a failure")
    woken_at = models.DateTimeField(null=True, help_text="When a worker was last sent a message about it")
    phase = models.CharField(max_length=60, blank=True)
    phase_at = models.DateTimeField(null=True, help_text="When the phase began, in the present attempt")
    progress = models.FloatField(default=0.0, help_text="Of the phase, 0 to 1")
    timings = models.JSONField(default=dict, help_text="Seconds by phase")
    exact_only = models.BooleanField(
        default=False,
        db_default=False,
        help_text="An officer asked for an exact result: the ladder begins at its first exact rung",
    )
    trouble = models.TextField(blank=True, help_text="Why the last attempt failed, in plain words")
    estimated_seconds = models.FloatField(null=True, help_text="For audit models and retraining, when it was planned")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, help_text="First claimed")
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
                condition=Q(state__in=["queued", "running", "paused", "needs_attention"]),
                name="one_open_job_for_each_recommender",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def seconds(self) -> float:
        """What its phases have taken so far, the present one too, to compare with the estimate."""
        spent = sum(self.timings.values())
        if self.state == self.State.RUNNING and self.phase_at is not None:
            spent += max(0.0, (timezone.now() - self.phase_at).total_seconds())
        return spent

    @property
    def taken(self) -> timedelta | None:
        """From the first claim to the end, or until now."""
        return (self.finished_at or timezone.now()) - self.started_at if self.started_at else None

    @property
    def may_try_again(self) -> bool:
        """Whether another attempt may begin by itself."""
        return self.tries < settings.FEDSHARE_MAX_ATTEMPTS


class RecommendationSample(models.Model):
    """What a subject whom a job did not concern was recommended before it and after; gone with the subject."""

    version = models.ForeignKey("models_engine.ModelVersion", on_delete=models.CASCADE, related_name="samples")
    subject = models.ForeignKey("unlearning.Subject", on_delete=models.CASCADE, related_name="samples")
    before = ArrayField(models.CharField(max_length=200), help_text="Items, the first foremost")
    after = ArrayField(models.CharField(max_length=200))

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["version", "subject"], name="sample_once")]

    def __str__(self) -> str:
        return f"sample {self.pk}"

    @property
    def kept(self) -> int:
        """How many items are among the first both times."""
        return len(set(self.before) & set(self.after))


class JobEvent(models.Model):
    """What an officer did about a job."""

    class Action(models.TextChoices):
        PAUSE = "pause", "paused"
        GO_ON = "go_on", "let go on"
        CANCEL = "cancel", "cancelled"
        ESCALATE = "escalate", "asked for an exact result"

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    action = models.CharField(max_length=20, choices=Action)
    at = models.DateTimeField(auto_now_add=True)
    by = models.CharField(max_length=150)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.action} {self.job_id}"
