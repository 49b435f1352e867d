"""The transparency log's table."""

from django.db import models

from audits.evidence.append_only import append_only


class LogEntry(models.Model):
    """One leaf of the log. Holds salted commitments and numbers, never personal data."""

    index = models.BigIntegerField(primary_key=True, help_text="Place in the log, from 0, without gaps")
    recorded_at = models.DateTimeField()
    kind = models.CharField(max_length=60)
    payload = models.JSONField()
    leaf_hash = models.BinaryField(max_length=32, help_text="RFC 6962 hash of the canonical entry")

    class Meta:
        ordering = ["index"]
        triggers = append_only()

    def __str__(self) -> str:
        return f"{self.index} {self.kind}"
