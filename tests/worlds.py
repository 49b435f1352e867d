"""Small worlds whose structure is known by construction."""

import random
from pathlib import Path

import torch

from models_engine.federation.simulated import SimulatedCohort
from models_engine.fedshare import keyed
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import Edges, SharedData, rows_of
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Training
from models_engine.fedshare.unlearning.strategy import NOTHING, Deleted

SMALL = FedShareConfig(width=8, rounds=40, participation=0.5, contrast_negatives=16, pull_rounds=4)


class World:
    """Two tastes: a subject interacts with items of its own half, and now and then of the other."""

    def __init__(self, subjects: int = 40, items: int = 120, pairs: int = 20, shared: float = 0.7):
        generator = torch.Generator().manual_seed(1)
        self.subject_keys = torch.sort(keyed.mix(torch.arange(subjects), 1)).values
        self.item_keys = torch.sort(keyed.mix(torch.arange(items), 2)).values
        weights = torch.full((subjects, items), 0.1)
        weights[::2, ::2] = weights[1::2, 1::2] = 1.0
        chosen = torch.multinomial(weights, pairs, generator=generator)
        self.all = Edges(torch.arange(subjects).repeat_interleave(pairs), chosen.flatten())
        is_shared = torch.rand(len(self.all), generator=generator) < shared
        self.data = SharedData(self.subject_keys, self.item_keys, self.all.where(is_shared))

    def cohort(
        self,
        replicas: Replicas,
        config: FedShareConfig = SMALL,
        private: torch.Tensor | None = None,
        memory: StateFiles | None = None,
        deleted: Deleted = None,
    ) -> SimulatedCohort:
        """The devices of the subjects that each world names, with everything they hold."""
        nothing = [NOTHING] * len(replicas)
        interactions = [
            self._held(world).without(gone, world.n_items)
            for world, gone in zip(replicas.worlds, deleted or nothing, strict=True)
        ]
        return SimulatedCohort(config, replicas, interactions, private, memory)

    def _held(self, data: SharedData) -> Edges:
        subjects = rows_of(self.subject_keys[self.all.subjects], data.subject_keys)
        items = rows_of(self.item_keys[self.all.items], data.item_keys)
        return Edges(subjects, items).where((subjects >= 0) & (items >= 0))

    def learn(self, data: SharedData, config: FedShareConfig = SMALL, seed: int = 1) -> tuple[Model, SimulatedCohort]:
        """A model that learned everything at once, and its devices."""
        devices = WorldDevices(self, config)
        (model,) = Training(config, Course.single([data], [seed], config.rounds), devices).run()
        return model, devices.cohort


class WorldDevices:
    """The devices of a world through the windows of a course, as `Devices` has it."""

    def __init__(self, world: World, config: FedShareConfig, memory: StateFiles | None = None, deleted: Deleted = None):
        self._world, self._config, self._memory, self._deleted = world, config, memory, deleted
        self.cohort: SimulatedCohort | None = None

    def enter(self, window: int, replicas: Replicas) -> SimulatedCohort:
        """See `Devices.enter`."""
        earlier, self.cohort = (
            self.cohort,
            self._world.cohort(replicas, self._config, memory=self._memory, deleted=self._deleted),
        )
        if earlier is not None:
            self.cohort.carry_on(earlier)
        return self.cohort


def write_interactions(path: Path, subjects: int = 150, items: int = 220, pairs: int = 25) -> Path:
    """A RecBole file of the same two tastes."""
    generator = random.Random(3)
    lines = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    for subject in range(subjects):
        weights = [1.0 if item % 2 == subject % 2 else 0.1 for item in range(items)]
        chosen = {generator.choices(range(items), weights)[0] for _ in range(pairs)}
        lines += [f"u{subject}\ti{item}\t1\t{1_600_000_000 + subject * 1000 + item}" for item in sorted(chosen)]
    path.write_text("\n".join(lines) + "\n")
    return path
