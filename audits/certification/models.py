"""Certifications of a way of forgetting on a model."""

import json
import uuid
from typing import Any

from django.db import models


class Certification(models.Model):
    """One certification: many models trained with and without, and the method run on each that knew."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey("models_engine.ModelVersion", on_delete=models.PROTECT, related_name="certifications")
    code_digest = models.CharField(max_length=64, help_text="SHA-256 over the engine's source files")
    certified = models.JSONField(help_text="Kinds of request of which every cell was removed within its margin")
    canonical = models.TextField(help_text="The certification document, in the form that the log commits to")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the document")
    log_index = models.BigIntegerField(unique=True)
    report = models.CharField(max_length=200, blank=True, help_text="Name of the signed PDF in the report storage")
    issued_at = models.DateTimeField()

    class Meta:
        ordering = ["-issued_at"]

    def __str__(self) -> str:
        return f"certification of {self.version}"

    @property
    def document(self) -> dict[str, Any]:
        """The certification document; its schema is audits/evidence/schema/certification-1.json."""
        return json.loads(self.canonical)
