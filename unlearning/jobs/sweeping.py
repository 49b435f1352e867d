"""Removing what a worker left behind that was killed just as it committed: models that know what is forgotten."""

from django.utils import timezone

from models_engine.registry.models import ModelVersion
from models_engine.registry.services import sweep_artifacts
from unlearning.jobs import fleets, leasing
from unlearning.jobs.devices import simulated_fleet


def sweep() -> None:
    """Remove models of destroyed versions, the devices' part of them, and audit models of jobs that have ended."""
    sweep_artifacts(timezone.now(), leasing.owners)
    devices = simulated_fleet()
    devices.sweep()
    kept = devices.versions()
    for version in ModelVersion.objects.filter(pk__in=kept, destroyed_at__isnull=False).values_list("pk", flat=True):
        devices.drop_private(version)
    fleets.sweep()
