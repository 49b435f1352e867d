"""What a client may do, and answers that it can have again."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class ClientScopes(models.Model):
    """The scopes that a client may have in its tokens."""

    client = models.CharField(max_length=100, primary_key=True)
    scopes = ArrayField(models.CharField(max_length=40))

    class Meta:
        verbose_name_plural = "client scopes"

    def __str__(self) -> str:
        return self.client


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
