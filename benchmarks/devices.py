"""Simulated devices over a dataset, less what requests take off them."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from benchmarks.datasets import Dataset
from models_engine.evaluation.ranking import RankingQuality, ranking_quality
from models_engine.federation.simulated import SimulatedCohort
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import Edges, SharedData, rows_of
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Training


@dataclass(frozen=True)
class Trained:
    """A model and the private vectors of its devices."""

    model: Model
    data: SharedData
    private: Tensor
    """[n, d], by the model's subjects."""


class Population:
    """Everybody in a dataset, with everything on their devices."""

    def __init__(self, dataset: Dataset, config: FedShareConfig):
        self.dataset, self.config = dataset, config

    def interactions(self, world: SharedData, deleted: Edges | None = None) -> Edges:
        """What the devices of a world train on; `deleted` are pairs by row of the dataset."""
        pairs = self.dataset.train
        if deleted is not None:
            m = len(self.dataset.item_keys)
            pairs = pairs.without(deleted, m)
        rows = rows_of(self.dataset.subject_keys, world.subject_keys)[pairs.subjects]
        return Edges(rows, pairs.items).where(rows >= 0)

    def cohort(
        self,
        config: FedShareConfig,
        replicas: Replicas,
        deleted: Sequence[Edges | None] | None = None,
        carried: Trained | None = None,
    ) -> SimulatedCohort:
        """Devices, at their keyed start or carrying on with the vectors of a model."""
        parts = zip(replicas.worlds, deleted or [None] * len(replicas), strict=True)
        interactions = [self.interactions(world, gone) for world, gone in parts]
        private = None
        if carried is not None:
            private = carried.private[rows_of(replicas.subject_keys, carried.model.subject_keys)]
        return SimulatedCohort(config, replicas, interactions, private)

    def train(
        self, worlds: Sequence[SharedData], seeds: Sequence[int], deleted: Sequence[Edges | None] | None = None
    ) -> list[Trained]:
        """Models of some worlds, together."""
        devices = _Devices(self, self.config, deleted)
        models = Training(self.config, Course.single(worlds, seeds, self.config.rounds), devices).run()
        parts = zip(models, worlds, devices.replicas.subject_slices, strict=True)
        return [Trained(model, world, devices.cohort.private[rows].clone()) for model, world, rows in parts]

    def quality(self, model: Model, data: SharedData, cohort: SimulatedCohort, judged: Tensor) -> RankingQuality:
        """Recall and NDCG at 20 on what the judged subjects (bool [subjects of the dataset]) held out."""
        users, items = cohort.representations(model.items, *model.views(data))
        rows = rows_of(self.dataset.subject_keys, data.subject_keys)
        held_out = self.dataset.held_out.where(judged[self.dataset.held_out.subjects])
        known, wanted = (
            Edges(rows[pairs.subjects], pairs.items).where(rows[pairs.subjects] >= 0)
            for pairs in (self.dataset.train, held_out)
        )
        return ranking_quality(users, items, known, wanted)

    def held_out_by(self, judged: Tensor) -> bool:
        """Whether any of some subjects held something out."""
        return bool(judged[self.dataset.held_out.subjects].any())

    def start_devices(self, deleted: Edges | None = None):
        """`StartDevices` of an act of forgetting."""
        return lambda config, gone: _Devices(self, config, gone or [deleted])


class _Devices:
    def __init__(self, population: Population, config: FedShareConfig, deleted: Sequence[Edges | None] | None):
        self._population, self._config, self._deleted = population, config, deleted
        self.cohort: SimulatedCohort
        self.replicas: Replicas

    def enter(self, window: int, replicas: Replicas) -> SimulatedCohort:
        """See `Devices.enter`; everything comes in one window."""
        self.replicas = replicas
        self.cohort = self._population.cohort(self._config, replicas, self._deleted)
        return self.cohort
