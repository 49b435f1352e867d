"""Certifications of a way of forgetting on a model."""

import uuid

from django.db import models


class Certification(models.Model):
    """One certification: many models trained with and without, and the method run on each that knew."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey("models_engine.ModelVersion", on_delete=models.PROTECT, related_name="certifications")
    code_digest = models.CharField(max_length=64, help_text="SHA-256 over the engine's source files")
    certified = models.JSONField(help_text="Kinds of request of which every cell was removed within its margin")
    document = models.OneToOneField("audits.IssuedDocument", on_delete=models.PROTECT, related_name="certification")

    class Meta:
        ordering = ["-document__issued_at"]

    def __str__(self) -> str:
        return f"certification of {self.version}"
