"""Requests to unshare or erase, and what is kept of them."""

import uuid

import pgtrigger
from django.db import models
from django.db.models import Q

from unlearning.requests.states import PAIRS, State


class Request(models.Model):
    """Someone asked for data back. One request may concern many subjects."""

    class Kind(models.TextChoices):
        UNSHARE = "unshare", "unshare"
        ERASE = "erase", "erase"

    class Regime(models.TextChoices):
        GDPR = "gdpr", "GDPR"
        CCPA = "ccpa", "CCPA"

    class Conclusion(models.TextChoices):
        EXACT = "exact", "exact"
        EQUIVALENT = "equivalent", "equivalent"
        CERTIFIED = "certified", "certified"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=Kind)
    regime = models.CharField(max_length=10, choices=Regime, default=Regime.GDPR)
    state = models.CharField(max_length=20, choices=State, default=State.RECEIVED)
    external_id = models.CharField(max_length=100, help_text="The sender's own id; a repeat finds this request")
    source = models.CharField(max_length=100, help_text="OAuth client that sent it")
    share_percent_before = models.PositiveSmallIntegerField(null=True, help_text="Unshare: the slider as it was")
    share_percent_after = models.PositiveSmallIntegerField(null=True, help_text="Unshare: the slider as it is")
    received_at = models.DateTimeField()
    due_at = models.DateTimeField(help_text="End of the period that the regime allows")
    rows_removed_at = models.DateTimeField(null=True, help_text="When the rows left the live tables")
    rows_removed = models.PositiveIntegerField(default=0)
    reached = models.ManyToManyField(
        "models_engine.ModelVersion",
        related_name="+",
        help_text="Versions that had learned from the data when it was withdrawn",
    )
    job = models.ForeignKey("unlearning.Job", null=True, on_delete=models.PROTECT, related_name="requests")
    plan = models.JSONField(null=True, help_text="Of its audit, as it was frozen; the log has its digest")
    conclusion = models.CharField(max_length=12, choices=Conclusion, null=True)  # noqa: DJ001  (none yet is not empty)
    completed_at = models.DateTimeField(null=True)
    evidence = models.OneToOneField(
        "audits.IssuedDocument",
        null=True,
        on_delete=models.SET_NULL,
        related_name="request",
        help_text="What can be handed out; gone once its retention is over",
    )

    class Meta:
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="request_once"),
            models.CheckConstraint(
                name="completed_with_conclusion",
                condition=Q(state=State.COMPLETED, conclusion__isnull=False, completed_at__isnull=False)
                | (~Q(state=State.COMPLETED) & Q(conclusion=None, completed_at=None)),
            ),
        ]
        indexes = [models.Index(fields=["state", "received_at"])]
        triggers = [pgtrigger.FSM(name="transitions", field="state", transitions=PAIRS)]

    def __str__(self) -> str:
        return str(self.id)


class RequestSubject(models.Model):
    """A subject of a request. After an erasure only the commitment is left of it."""

    request = models.ForeignKey(Request, on_delete=models.CASCADE, related_name="subjects")
    subject = models.ForeignKey("unlearning.Subject", on_delete=models.PROTECT, related_name="requests")
    commitment = models.CharField(max_length=64, help_text="HMAC(subject key, request id), as the log has it")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "subject"], name="request_subject_once")]

    def __str__(self) -> str:
        return self.commitment[:12]


class SealedForgetSet(models.Model):
    """The withdrawn interactions, encrypted, for the request's own job alone; gone when it ends."""

    request = models.OneToOneField(Request, on_delete=models.CASCADE, related_name="forget_set")
    wrapped_key = models.BinaryField(max_length=40)
    sealed = models.BinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"forget set of {self.request_id}"
