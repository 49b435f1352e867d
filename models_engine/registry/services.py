"""Storing, loading, promoting and destroying model versions."""

import hashlib
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Any
from uuid import uuid4

from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from models_engine.fedshare.code import code_digest
from models_engine.fedshare.model import Model
from models_engine.registry.models import ModelVersion, Recommender

_FOLDER = "models"
_UNREGISTERED = timedelta(minutes=10)


def store_artifact(model: Model, owner: str = "") -> tuple[str, str]:
    """Write a model to the artifact storage. Returns its name and its SHA-256.

    Nothing refers to it yet. What a caller that fails leaves here is swept away: of a COMMIT whose answer is lost it
    can't know whether it registered the model.

    Args:
        owner: who is about to register it, without a dot; so that it goes at once when they no longer can.
    """
    content = model.to_bytes()
    prefix = f"{owner}." if owner else ""
    name = storages["artifacts"].save(f"{_FOLDER}/{prefix}{uuid4().hex}.safetensors", ContentFile(content))
    return name, hashlib.sha256(content).hexdigest()


def stem(artifact: str) -> str:
    """What an artifact is called apart from its folder and its kind; what else belongs to the model is named by it."""
    return PurePosixPath(artifact).stem


def discard_artifact(name: str) -> None:
    """Remove an artifact that no version refers to."""
    storages["artifacts"].delete(name)


def sweep_artifacts(now: datetime, owners: Callable[[], Collection[str]]) -> set[str]:
    """Remove what a kill left: files of versions that are destroyed, and such that no version ever referred to.

    The latter may be about to be registered: they go when their owner no longer can, and without one after ten minutes.

    Args:
        owners: who still can, as of the moment at which it is called.

    Returns:
        Stems of those that stay.
    """
    storage = storages["artifacts"]
    folder = f"{_FOLDER}/"
    try:
        names = [f"{folder}{name}" for name in storage.listdir(folder)[1] if name]
    except FileNotFoundError:  # nothing was stored yet
        names = []
    # In this order: whoever registers meanwhile is an owner or has a version.
    able = owners()
    known = dict(ModelVersion.objects.filter(artifact__in=names).values_list("artifact", "destroyed_at"))

    def goes(name: str) -> bool:
        if name in known:
            return known[name] is not None
        owner, _, rest = name.removeprefix(folder).partition(".")
        if "." in rest:
            return owner not in able
        return storage.get_modified_time(name) < now - _UNREGISTERED

    gone = {name for name in names if goes(name)}
    for name in gone:
        discard_artifact(name)
    return {stem(name) for name in names if name not in gone}


@transaction.atomic
def register_version(
    *,
    recommender: Recommender,
    model: Model,
    artifact: str,
    digest: str,
    method: str,
    parent: ModelVersion | None,
    calibration: dict[str, Any],
    metrics: dict[str, Any],
) -> ModelVersion:
    """Record a stored model as the recommender's next version. It does not serve yet."""
    locked = Recommender.objects.select_for_update(no_key=True).get(pk=recommender.pk)
    last = locked.versions.aggregate(last=Max("number"))["last"] or 0
    return ModelVersion.objects.create(
        recommender=locked,
        number=last + 1,
        method=method,
        parent=parent,
        seed=model.seed,
        code_digest=code_digest(),
        digest=digest,
        artifact=artifact,
        calibration=calibration,
        metrics=metrics,
    )


def load_model(version: ModelVersion) -> Model:
    """Read a version's model.

    Raises:
        ModelFileError: the artifact is not the one that was registered.
    """
    with storages["artifacts"].open(version.artifact) as file:
        return Model.from_bytes(file.read(), version.digest)


@transaction.atomic
def promote(version: ModelVersion) -> list[ModelVersion]:
    """Let a version serve, and destroy every other one that still has an artifact.

    The files go when the transaction commits; one that can't be removed then is swept away later. Returns the
    destroyed versions.
    """
    recommender = Recommender.objects.select_for_update(no_key=True).get(pk=version.recommender_id)
    recommender.serving = version
    recommender.save(update_fields=["serving"])
    outdated = list(recommender.versions.filter(destroyed_at=None).exclude(pk=version.pk).order_by("number"))
    for old in outdated:
        old.destroyed_at = timezone.now()
        old.save(update_fields=["destroyed_at"])
        transaction.on_commit(lambda name=old.artifact: discard_artifact(name), robust=True)
    return outdated
