"""Ten models of a tenth of the subjects each, in the place of one: see `models_engine.baselines.shards`."""

from dataclasses import dataclass

import torch

from benchmarks import report
from benchmarks.devices import Population, Trained
from benchmarks.forgetting.requests import ForgetRequest, remaining
from models_engine.baselines.shards import cut, shard_of
from models_engine.fedshare.data import SharedData
from models_engine.fedshare.replicas import Replicas

_SHARDS = 10


@dataclass(frozen=True)
class Found:
    """After a request."""

    learned: list[Trained]
    """The shards that it concerned."""
    seconds: float


class Sharded:
    """Learns in shards, and learns those again that a request concerns."""

    name = "sharded"

    def __init__(self, population: Population, data: SharedData, device: torch.device):
        self._population, self._data, self._device = population, data, device
        self._config = population.config

    def forget(self, request: ForgetRequest, seed: int) -> Found:
        """Learn again what the request concerns."""
        concerned = self._concerned(request, seed)
        worlds = self._worlds(request, seed, concerned)
        began = report.now(self._device)
        learned = self._learn(worlds, request, seed)
        return Found(learned, report.now(self._device) - began)

    def quality(self, found: Found, request: ForgetRequest, seed: int) -> tuple[float, float, float]:
        """Recall and NDCG of the unaffected, and the NDCG of the affected (NaN where they left), each by the model of
        their shard.
        """
        others = [shard for shard in range(_SHARDS) if shard not in self._concerned(request, seed)]
        models = found.learned + (self._learn(self._worlds(request, seed, others), request, seed) if others else [])
        affected = torch.zeros_like(request.leaves)
        affected[request.pairs.subjects] = True
        recall, ndcg = self._quality(models, request, ~affected)
        return recall, ndcg, float("nan") if request.of_leavers else self._quality(models, request, affected)[1]

    def _concerned(self, request: ForgetRequest, seed: int) -> list[int]:
        return torch.unique(shard_of(self._data, _SHARDS, seed)[request.pairs.subjects]).tolist()

    def _worlds(self, request: ForgetRequest, seed: int, shards: list[int]) -> list[SharedData]:
        owners = shard_of(self._data, _SHARDS, seed)[~request.leaves]
        return cut(remaining(self._data, [request]), owners, shards)

    def _learn(self, worlds: list[SharedData], request: ForgetRequest, seed: int) -> list[Trained]:
        return self._population.train(worlds, [seed] * len(worlds), [request.deleted] * len(worlds))

    def _quality(self, models: list[Trained], request: ForgetRequest, judged: torch.Tensor) -> tuple[float, float]:
        """Recall and NDCG over everybody judged, each by the model of their own shard."""
        recall = ndcg = subjects = 0.0
        for trained in models:
            present = torch.isin(self._data.subject_keys, trained.data.subject_keys)
            cohort = self._population.cohort(
                self._config, Replicas([trained.data], [trained.model.seed]), [request.deleted], trained
            )
            if not self._population.held_out_by(present & judged):
                continue
            found = self._population.quality(trained.model, trained.data, cohort, present & judged)
            recall, ndcg = recall + found.subjects * found.recall, ndcg + found.subjects * found.ndcg
            subjects += found.subjects
        return recall / subjects, ndcg / subjects
