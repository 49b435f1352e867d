"""Training a recommender's next version on what is shared now."""

import time
from dataclasses import asdict
from datetime import datetime

from django.conf import settings
from django.db import transaction

from audits.evidence import log
from models_engine.evaluation.ranking import RankingQuality, SubjectQuality, popularity_quality, subject_quality
from models_engine.federation.fleet import PrivateVectors, SimulatedFleet
from models_engine.federation.simulated import SimulatedCohort
from models_engine.fedshare.code import code_digest
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import SharedData
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Progress, Training
from models_engine.fedshare.unlearning.rehearsal import rehearse
from models_engine.fedshare.unlearning.strategy import Deleted, MakeCohort
from models_engine.registry.models import ModelVersion, Recommender
from models_engine.registry.places import place
from models_engine.registry.services import discard_artifact, load_model, promote, register_version, store_artifact
from unlearning.lineage.datasets import record_dataset, shared_data
from unlearning.lineage.freezing import freeze
from unlearning.requests.models import Request

_SHARE_OF_TRAINING = 1 / 9  # a rehearsal trains eight twins


def simulated_fleet() -> SimulatedFleet:
    """The devices that this installation simulates."""
    return SimulatedFleet(place(settings.DEVICES))


def train_recommender(recommender: Recommender, seed: int, progress: Progress) -> ModelVersion:
    """Train, rehearse forgetting, evaluate, and let the result serve.

    Raises:
        ValueError: nobody shares anything, or too few do for a rehearsal.
        FloatingPointError: learning diverged.
        WithdrawnMeanwhile: a request over data that was learned ended before the model was ready; it never serves.
    """
    as_of = freeze()
    data = shared_data(as_of)
    fleet = simulated_fleet()
    config = recommender.fedshare_config()
    devices = StartedFleet(config)
    course = Course.single([data], [seed], config.rounds)
    began = time.monotonic()
    training = Training(config, course, devices)
    (model,) = training.run(lambda fraction: progress(fraction * _SHARE_OF_TRAINING))
    training_seconds = round(time.monotonic() - began, 3)
    cohort = devices.cohort
    private = PrivateVectors(model.subject_keys, cohort.private)
    calibration = rehearse(
        model,
        data,
        make_cohort(fleet, private),
        StartedFleet,
        lambda fraction: progress(_SHARE_OF_TRAINING + fraction * (1 - _SHARE_OF_TRAINING)),
    )
    metrics = {
        "fedshare": asdict(quality(model, data, cohort).mean()),
        "popularity": asdict(popularity(data)),
        "training_seconds": training_seconds,
        "losses": training.losses,
    }
    artifact, digest = store_artifact(model)
    try:
        with transaction.atomic():
            _assert_nothing_forgotten_since(as_of)
            version = register_version(
                recommender=recommender,
                model=model,
                artifact=artifact,
                digest=digest,
                method=ModelVersion.Method.TRAIN,
                parent=None,
                calibration=asdict(calibration) | {"code": code_digest()},
                metrics=metrics,
            )
            dataset = record_dataset(version, data, as_of)
            fleet.keep_private(version.pk, private)
            log.append(
                "version.trained",
                {
                    "code": version.code_digest,
                    "config": config.digest(),
                    "data_root": dataset.root,
                    "model": digest,
                    "version": str(version),
                },
            )
            let_serve(version)
            _reach_open_requests(version, as_of)
    except BaseException:
        discard_artifact(artifact)
        raise
    return version


def _assert_nothing_forgotten_since(as_of: datetime) -> None:
    """Refuse a model that would bring back what was forgotten, and whose sealed records are gone."""
    Recommender.objects.select_for_update().order_by("pk").first()
    if Request.objects.filter(completed_at__gt=as_of, rows_removed__gt=0).exists():
        raise WithdrawnMeanwhile("data was withdrawn and forgotten while the model was trained: train again")


def _reach_open_requests(version: ModelVersion, as_of: datetime) -> None:
    """Put on record that data withdrawn during the training reached the version; their jobs will forget it there."""
    for request in Request.objects.filter(rows_removed_at__gt=as_of, rows_removed__gt=0, completed_at=None):
        request.reached.add(version)


class WithdrawnMeanwhile(ValueError):
    """A training's data holds something that was forgotten since."""


class StartedFleet:
    """The devices of this installation at their keyed start."""

    def __init__(
        self,
        config: FedShareConfig,
        deleted: Deleted = None,
        lent: Deleted = None,
        memory: StateFiles | None = None,
    ):
        """`deleted`, `lent` and `memory` as of `SimulatedFleet.cohort`."""
        self._config, self._deleted, self._lent, self._memory = config, deleted, lent, memory
        self.cohort: SimulatedCohort

    def enter(self, window: int, replicas: Replicas) -> SimulatedCohort:
        """See `Devices.enter`; everything comes in one window."""
        self.cohort = simulated_fleet().cohort(
            self._config, replicas, memory=self._memory, deleted=self._deleted, lent=self._lent
        )
        return self.cohort


def make_cohort(fleet: SimulatedFleet, private: PrivateVectors) -> MakeCohort:
    """How a strategy gets the devices with the vectors that go with a trained model."""
    return lambda config, replicas, deleted: fleet.cohort(config, replicas, private, deleted=deleted)


def let_serve(version: ModelVersion) -> list[ModelVersion]:
    """Promote a version and destroy the others, on the server and on the devices; logged.

    Returns the destroyed versions. Call it in a transaction.
    """
    destroyed = promote(version)
    fleet = simulated_fleet()
    for old in destroyed:
        transaction.on_commit(lambda pk=old.pk: fleet.drop_private(pk))
        log.append("version.destroyed", {"model": old.digest, "replaced_by": version.digest, "version": str(old)})
    return destroyed


def quality(model: Model, data: SharedData, cohort: SimulatedCohort, k: int = 20) -> SubjectQuality:
    """Recall and NDCG of what the devices score, on interactions that they held out."""
    devices = simulated_fleet().data()
    subjects, items = cohort.representations(model.items, *model.views(data))
    known, held_out = devices.edges(data, held_out=False), devices.edges(data, held_out=True)
    return subject_quality(subjects, items, known, held_out, k)


def evaluate_serving(recommender: Recommender) -> dict[str, RankingQuality]:
    """Quality of the model that serves, and of plain popularity, on what the devices held out.

    Raises:
        ModelFileError: the model's file is damaged.
        ValueError: nothing is held out.
    """
    version = recommender.serving
    model, fleet = load_model(version), simulated_fleet()
    data = shared_data(version.dataset.as_of, like=model)
    cohort = fleet.cohort(model.config, Replicas([data], [model.seed]), fleet.private(version.pk))
    return {"fedshare": quality(model, data, cohort).mean(), "popularity": popularity(data)}


def popularity(data: SharedData, k: int = 20) -> RankingQuality:
    """The same for plain popularity."""
    devices = simulated_fleet().data()
    known, held_out = devices.edges(data, held_out=False), devices.edges(data, held_out=True)
    return popularity_quality(data.item_popularity(), data.n_subjects, known, held_out, k)
