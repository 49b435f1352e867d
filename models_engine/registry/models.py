"""Recommenders and the versions of their models."""

from dataclasses import asdict

from django.db import models
from django.db.models import Q

from models_engine.fedshare.config import FedShareConfig


def default_config() -> dict[str, object]:
    """The configuration of a new recommender."""
    return asdict(FedShareConfig())


class Recommender(models.Model):
    """A recommender that a retailer runs; one version of it serves at a time."""

    name = models.SlugField(unique=True)
    config = models.JSONField(default=default_config, help_text="Fields of FedShareConfig")
    serving = models.ForeignKey(
        "ModelVersion", null=True, blank=True, on_delete=models.PROTECT, related_name="served_by"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    def fedshare_config(self) -> FedShareConfig:
        """The configuration, validated."""
        return FedShareConfig(**self.config)


class ModelVersion(models.Model):
    """One trained or unlearned model: its file, its digest and where it came from."""

    class Method(models.TextChoices):
        TRAIN = "train", "trained"
        CONTRASTIVE = "contrastive", "contrastive unlearning"
        RETRAIN = "retrain", "retrained without the data"

    recommender = models.ForeignKey(Recommender, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    method = models.CharField(max_length=20, choices=Method)
    parent = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="children")
    seed = models.BigIntegerField()
    code_digest = models.CharField(max_length=64, help_text="SHA-256 over the engine's source files")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the artifact")
    artifact = models.CharField(max_length=200, help_text="Name in the artifact storage")
    calibration = models.JSONField(help_text="Amplitudes of the contrastive push, and the code they were measured with")
    metrics = models.JSONField(default=dict, help_text="Held-out quality when it was made")
    created_at = models.DateTimeField(auto_now_add=True)
    destroyed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["recommender", "number"], name="version_number_once"),
            models.CheckConstraint(condition=Q(number__gte=1), name="version_number_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.recommender} v{self.number}"
