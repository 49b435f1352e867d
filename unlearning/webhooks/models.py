"""Endpoints that are told of events, what they are told, and every attempt to tell them."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.fields.json import KT

from audits.evidence.append_only import append_only


class Endpoints(models.QuerySet["Endpoint"]):
    """Endpoints."""

    def registered(self) -> "Endpoints":
        """Without those that were removed."""
        return self.filter(removed_at=None)


class Endpoint(models.Model):
    """Somebody's address. Those that are told of withdrawals are recipients (GDPR art. 19)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.CharField(max_length=100, help_text="OAuth client that registered it")
    name = models.CharField(max_length=100, help_text="As reports list it among the recipients")
    url = models.URLField(max_length=500)
    events = ArrayField(models.CharField(max_length=40), help_text="Names of the catalogue")
    wrapped_key = models.BinaryField(max_length=40, help_text="Its signing key, wrapped")
    earlier_wrapped_key = models.BinaryField(max_length=40, null=True, help_text="Signs beside it after a rotation")
    disabled_at = models.DateTimeField(null=True)
    disabled_because = models.CharField(max_length=200, blank=True)
    removed_at = models.DateTimeField(null=True, help_text="Kept without its keys, for the record of what it was told")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = Endpoints.as_manager()

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.name


class Delivery(models.Model):
    """One event for one endpoint: the outbox. The row is the truth, a Celery message only a wake-up."""

    class State(models.TextChoices):
        PENDING = "pending", "pending"
        DELIVERED = "delivered", "delivered"
        FAILED = "failed", "failed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="deliveries")
    event = models.CharField(max_length=40)
    payload = models.JSONField(help_text="The body's `data`")
    occurred_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.PENDING)
    tries = models.PositiveSmallIntegerField(default=0, help_text="Of the present run; a replay begins another")
    next_at = models.DateTimeField(help_text="Not to be tried before; pushed on while somebody tries")

    class Meta:
        ordering = ["-occurred_at", "id"]
        verbose_name_plural = "deliveries"
        indexes = [
            models.Index(fields=["next_at"], name="delivery_due", condition=Q(state="pending")),
            models.Index(KT("payload__request"), name="delivery_about_request"),
            models.Index(fields=["endpoint", "-occurred_at"], name="delivery_of_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.event} to {self.endpoint_id}"


class DeliveryAttempt(models.Model):
    """One try, and what came of it. Append-only."""

    delivery = models.ForeignKey(Delivery, on_delete=models.DO_NOTHING, db_constraint=False, related_name="attempts")
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status; none if there was no answer")
    trouble = models.CharField(max_length=200, blank=True)
    milliseconds = models.PositiveIntegerField()

    class Meta:
        ordering = ["at", "id"]
        triggers = append_only()

    def __str__(self) -> str:
        return f"attempt {self.pk}"
