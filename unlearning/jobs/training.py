"""Training a recommender's next version on what is shared now."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from uuid import UUID, uuid5

from django.db import connection, transaction

from audits.evidence import log
from models_engine.evaluation.ranking import RankingQuality, SubjectQuality, popularity_quality, subject_quality
from models_engine.federation.simulated import SimulatedCohort
from models_engine.fedshare.code import code_digest
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import SharedData
from models_engine.fedshare.files import StateFileError
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning.rehearsal import TWINS, Twin, rehearse
from models_engine.fedshare.unlearning.strategy import Calibration
from models_engine.registry.models import ModelVersion, Recommender
from models_engine.registry.services import load_model, promote, register_version, stem, store_artifact
from unlearning.jobs.devices import drop_vectors, make_cohort, simulated_fleet
from unlearning.jobs.fleets import AuditFleet, AuditModel, Lesson, destroy
from unlearning.jobs.memory import told_when_short
from unlearning.lineage.datasets import Commitment, record_dataset, shared_data
from unlearning.lineage.freezing import freeze
from unlearning.requests.models import Request

_SHARE_OF_TRAINING = 1 / (1 + TWINS)
_OWNERS = UUID("8b1d1c5e-55c4-4f0c-9f39-0a4f5a4f2d57")
_LOCK = _OWNERS.int % 2**63
"""PostgreSQL's advisory lock of a training."""


def train_recommender(recommender: Recommender, seed: int, progress: Progress) -> ModelVersion:
    """Train, rehearse forgetting, evaluate, and let the result serve.

    One that was interrupted is taken up where it was, if the data, the seed and the code are the same.

    Raises:
        ValueError: nobody shares anything, too few do for a rehearsal, another recommender serves, or one is being
            trained already.
        StateFileError: what an interrupted training left is damaged; it is removed, so that the next one begins anew.
        FloatingPointError: learning diverged.
        MemoryError: there is too little.
        WithdrawnMeanwhile: a request over data that was learned ended before the model was ready; it never serves.
    """
    try:
        with _by_itself(recommender), told_when_short():
            return _trained(recommender, seed, progress)
    except WithdrawnMeanwhile:
        destroy(_owner(recommender))
        raise


@contextmanager
def _by_itself(recommender: Recommender) -> Iterator[None]:
    """One training at a time: two of a recommender would take each other's models for their own, and of two
    recommenders one alone could come to serve.
    """
    _assert_alone(recommender)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            raise ValueError("a recommender is being trained already: wait until that has ended")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _trained(recommender: Recommender, seed: int, progress: Progress) -> ModelVersion:
    as_of = freeze()
    data = shared_data(as_of)
    fleet = simulated_fleet()
    try:
        trained, calibration = _learned(recommender, data, as_of, seed, progress)
    except StateFileError:
        _assert_nothing_forgotten_since(as_of)  # then the state of trainings is swept away
        destroy(_owner(recommender))
        raise
    model, private = trained.model, trained.private
    cohort = make_cohort(fleet, private)(model.config, Replicas([data], [seed]), None)
    metrics = {
        "fedshare": asdict(quality(model, data, cohort).mean()),
        "popularity": asdict(popularity(data)),
        "training_seconds": trained.seconds,
        "losses": trained.losses,
    }
    artifact, digest = store_artifact(model)
    fleet.keep_private(stem(artifact), private)
    commitment = Commitment.to(data)
    # What fails from here on leaves both files to the sweep: of a COMMIT whose answer is lost nobody knows what it did.
    with transaction.atomic():
        _assert_nothing_forgotten_since(as_of)
        _assert_alone(recommender)
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
        dataset = record_dataset(version, commitment, as_of)
        log.append(
            "version.trained",
            {
                "code": version.code_digest,
                "config": model.config.digest(),
                "data_root": dataset.root,
                "model": digest,
                "version": str(version),
            },
        )
        let_serve(version)
        _reach_open_requests(version, as_of)
        transaction.on_commit(lambda: destroy(_owner(recommender)), robust=True)
    return version


def _assert_alone(recommender: Recommender) -> None:
    """Refuse a second recommender: a request is followed on one, and on the other its data would stay."""
    other = Recommender.objects.exclude(pk=recommender.pk).exclude(serving=None).first()
    if other is not None:
        raise ValueError(f"name: {other.name} serves already, and an installation has one recommender: train that one")


@transaction.atomic
def _assert_nothing_forgotten_since(as_of: datetime) -> None:
    """Refuse a model that would bring back what was forgotten, and whose sealed records are gone."""
    # Who commits a job or accepts a request meanwhile is done before, and seen.
    list(Recommender.objects.select_for_update(no_key=True).order_by("pk"))
    freeze()
    if Request.objects.filter(rows_removed_at__gt=as_of, rows_removed__gt=0, completed_at__isnull=False).exists():
        raise WithdrawnMeanwhile("data was withdrawn and forgotten while the model was trained: train again")


def _learned(
    recommender: Recommender, data: SharedData, as_of: datetime, seed: int, progress: Progress
) -> tuple[AuditModel, Calibration]:
    """A model of the data, and how far pushes must go on it."""
    config, devices = recommender.fedshare_config(), simulated_fleet()
    models = AuditFleet(_owner(recommender), config)
    models.begin(
        {
            "code": code_digest(),
            "config": config.digest(),
            "data": Course.single([data], [seed], config.rounds).digest(),
            "devices": devices.digest(),
        }
    )
    models.learns_as_of(as_of)
    (trained,) = models.train([Lesson(data, seed)], lambda fraction: progress(fraction * _SHARE_OF_TRAINING))

    def train(twins: Sequence[Twin], done: Progress) -> list[Model]:
        return [one.model for one in models.train([Lesson(t.data, seed, deleted=t.deleted) for t in twins], done)]

    calibration = rehearse(
        trained.model,
        data,
        make_cohort(devices, trained.private),
        train,
        lambda fraction: progress(_SHARE_OF_TRAINING + fraction * (1 - _SHARE_OF_TRAINING)),
    )
    return trained, calibration


def _owner(recommender: Recommender) -> UUID:
    """Of the models that a training of it needs."""
    return uuid5(_OWNERS, recommender.name)


def _reach_open_requests(version: ModelVersion, as_of: datetime) -> None:
    """Put on record that data withdrawn during the training reached the version; their jobs will forget it there."""
    for request in Request.objects.filter(rows_removed_at__gt=as_of, rows_removed__gt=0, completed_at=None):
        request.reached.add(version)


class WithdrawnMeanwhile(ValueError):
    """A training's data holds something that was forgotten since."""


def let_serve(version: ModelVersion) -> list[ModelVersion]:
    """Promote a version and destroy the others, on the server and on the devices; logged.

    Returns the destroyed versions. Call it in a transaction.
    """
    destroyed = promote(version)
    for old in destroyed:
        model = stem(old.artifact)
        transaction.on_commit(lambda model=model: drop_vectors(model), robust=True)
        log.append("version.destroyed", {"model": old.digest, "replaced_by": version.digest, "version": str(old)})
    return destroyed


def quality(model: Model, data: SharedData, cohort: SimulatedCohort, k: int = 20) -> SubjectQuality:
    """Recall and NDCG of what the devices score, on interactions that they held out."""
    devices = simulated_fleet().data()
    subjects, items = cohort.representations(model.items, *model.views(data))
    known, held_out = devices.edges(data, held_out=False), devices.edges(data, held_out=True)
    return subject_quality(subjects, items, known, held_out, k)


@told_when_short()
def evaluate_serving(recommender: Recommender) -> dict[str, RankingQuality]:
    """Quality of the model that serves, and of plain popularity, on what the devices held out.

    Raises:
        ModelFileError: the model's file is damaged.
        MemoryError: there is too little.
        ValueError: nothing is held out.
    """
    version = recommender.serving
    model, fleet = load_model(version), simulated_fleet()
    data = shared_data(version.dataset.as_of, like=model)
    cohort = fleet.cohort(model.config, Replicas([data], [model.seed]), fleet.private(stem(version.artifact)))
    return {"fedshare": quality(model, data, cohort).mean(), "popularity": popularity(data)}


def popularity(data: SharedData, k: int = 20) -> RankingQuality:
    """The same for plain popularity."""
    devices = simulated_fleet().data()
    known, held_out = devices.edges(data, held_out=False), devices.edges(data, held_out=True)
    return popularity_quality(data.item_popularity(), data.n_subjects, known, held_out, k)
