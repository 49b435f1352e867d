"""Models with and without what is withdrawn, from the same seeds, and everything between."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from audits.verification.engine import AFTER_ERASURE, AFTER_UNSHARING
from audits.verification.exposure import Exposure, Scene
from benchmarks.datasets import Dataset
from benchmarks.devices import Population
from benchmarks.forgetting.requests import large_request
from models_engine.fedshare import keyed
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import Edges, SharedData, rows_of
from models_engine.fedshare.model import Model

_CONTRAST_ITEMS = 60
_AT_ONCE = {"cpu": 4, "cuda": 32}
_DRAW = keyed.stream("verdicts")
_FEWEST_PAIRS = 10


@dataclass(frozen=True, eq=False)
class Withdrawal:
    """What a batch of requests withdraws together, and what is audited of it."""

    name: str
    after: SharedData
    deleted: Edges | None
    """What goes from the devices too, by row of the dataset."""
    scenes: Sequence[Scene]
    """One for each request."""
    statistics: tuple[str, ...]


@dataclass(frozen=True)
class Tables:
    """What a model shows, by row of the dataset; subjects who left have zeros."""

    subject_rows: Tensor
    item_rows: Tensor
    subject_views: Tensor
    item_views: Tensor

    @classmethod
    def of(cls, model: Model, world: SharedData, everybody: Tensor) -> "Tables":
        """Of a model that serves with `world`; `everybody` are the subject keys of the dataset."""
        rows = rows_of(everybody, model.subject_keys)
        subjects, items = model.views(world)
        spread = [
            torch.where((rows >= 0)[:, None], table[rows.clamp(min=0)], 0.0) for table in (model.subjects, subjects)
        ]
        return cls(*(table.cpu() for table in (spread[0], model.items, spread[1], items)))

    def towards(self, other: "Tables", part: float) -> "Tables":
        """The model that lies this part of the way to another of the same seed; beyond both ends for other parts."""
        if part in (0.0, 1.0):
            return other if part else self
        mixed = {name: torch.lerp(table, getattr(other, name), part) for name, table in vars(self).items()}
        return Tables(**mixed)

    def exposure(self) -> Exposure:
        """As an auditor sees it."""
        return Exposure(
            scores={
                "rows": _products(self.subject_rows, self.item_rows),
                "views": _products(self.subject_views, self.item_views),
            },
            items={"item_rows": self.item_rows, "item_views": self.item_views},
        )


def _products(subjects: Tensor, items: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda of, with_items: torch.einsum("pd,pcd->pc", subjects[of], items[with_items])


def batch_of_leavers(dataset: Dataset, data: SharedData, number: int, size: int) -> Withdrawal:
    """So many subjects leave in one batch; each of them is audited alone."""
    degree = torch.bincount(data.edges.subjects, minlength=data.n_subjects)
    able = (degree >= _FEWEST_PAIRS).nonzero().squeeze(1)
    order = able[keyed.uniform(dataset.subject_keys[able], _DRAW).argsort()]
    members = order[number * size : (number + 1) * size]
    leaves = torch.zeros(data.n_subjects, dtype=torch.bool)
    leaves[members] = True
    everything = data.edges.where(leaves[data.edges.subjects])
    scenes = [_scene(everything.where(everything.subjects == member), data) for member in members]
    return Withdrawal("one subject, erased", data.without(everything, leaves), None, scenes, AFTER_ERASURE)


def a_tenth(dataset: Dataset, data: SharedData, kind: str) -> Withdrawal:
    """A tenth of the sharing subjects withdraw half of what they share, in one request."""
    request = large_request(dataset, data, kind)
    after = data.without(request.pairs, request.leaves)
    name = f"a tenth withdraws half, {'erased' if kind == 'erase' else 'unshared'}"
    return Withdrawal(name, after, request.deleted, [_scene(request.pairs, data)], AFTER_UNSHARING)


def _scene(pairs: Edges, data: SharedData) -> Scene:
    touched = data.edges.where(torch.isin(data.edges.subjects, pairs.subjects))
    return Scene.of(pairs, touched, data.item_popularity(), _CONTRAST_ITEMS)


def train(
    population: Population, world: SharedData, deleted: Edges | None, seeds: Sequence[int], done: Callable[[], None]
) -> list[Tables]:
    """One model for each seed, learned where the population is; the tables lie in this process's memory."""
    keys, tables = population.dataset.subject_keys, []
    world, deleted = world.to(keys.device), None if deleted is None else deleted.to(keys.device)
    at_once = _AT_ONCE[keys.device.type]
    for start in range(0, len(seeds), at_once):
        group = seeds[start : start + at_once]
        for trained in population.train([world] * len(group), group, [deleted] * len(group)):
            tables.append(Tables.of(trained.model, world, keys))
            done()
    return tables


def everything(
    dataset: Dataset, config: FedShareConfig, device: torch.device | str = "cpu"
) -> tuple[Population, SharedData]:
    """Everybody, learning there, and what they share: 0, 20, 50, 80 or 100 % each."""
    return Population(dataset.to(device), config), dataset.shared(dataset.mixed_ratios())
