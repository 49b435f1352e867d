"""Answers that a client can have again."""

from django.db import models


class IdempotentAnswer(models.Model):
    """What was answered to an `Idempotency-Key`; kept for a day."""

    client = models.CharField(max_length=100)
    key = models.CharField(max_length=100)
    body = models.CharField(max_length=64, help_text="Keyed digest of method, path and body")
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    location = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["client", "key"], name="idempotent_once")]

    def __str__(self) -> str:
        return f"{self.status} at {self.at}"
