"""Removing what a worker left behind that was killed just as it committed: models that know what is forgotten."""

from django.utils import timezone

from models_engine.registry.models import ModelVersion
from models_engine.registry.services import stem, sweep_artifacts
from unlearning.jobs import fleets, leasing
from unlearning.jobs.devices import drop_vectors, simulated_fleet


def sweep() -> None:
    """Remove models of destroyed versions, the devices' part of them, and audit models of jobs that have ended."""
    devices = simulated_fleet()
    devices.sweep()
    # Vectors are kept after their model's file was: those that are here already go with it, later ones stay.
    kept = devices.models()
    stay = sweep_artifacts(timezone.now(), leasing.owners)
    serving = ModelVersion.objects.filter(destroyed_at=None).values_list("artifact", flat=True)
    stay |= {stem(artifact) for artifact in serving}  # also while their files can't be seen
    for model in kept:
        if model not in stay:
            drop_vectors(model)
    fleets.sweep()
