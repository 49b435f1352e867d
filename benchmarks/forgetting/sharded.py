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

    quality: tuple[float, float, float]
    """Recall and NDCG of the unaffected, and the NDCG of the affected (NaN where they left)."""
    seconds: float


class Sharded:
    """Learns in shards, and learns those again that a request concerns."""

    name = "sharded"

    def __init__(self, population: Population, data: SharedData, device: torch.device):
        self._population, self._data, self._device = population, data, device
        self._config = population.config

    def forget(self, request: ForgetRequest, seed: int) -> Found:
        """Forget, and judge everybody by the model of their shard."""
        after = remaining(self._data, [request])
        owners = shard_of(self._data, _SHARDS, seed)[~request.leaves]
        concerned = torch.unique(shard_of(self._data, _SHARDS, seed)[request.pairs.subjects]).tolist()
        began = report.now(self._device)
        again = self._learn(cut(after, owners, concerned), request, seed)
        seconds = report.now(self._device) - began
        others = [shard for shard in range(_SHARDS) if shard not in concerned]
        # What the request does not concern has learned before: it counts for the quality, not for the time.
        models = again + (self._learn(cut(after, owners, others), request, seed) if others else [])
        affected = torch.zeros_like(request.leaves)
        affected[request.pairs.subjects] = True
        recall, ndcg = self._quality(models, request, ~affected)
        return Found(
            (recall, ndcg, float("nan") if request.of_leavers else self._quality(models, request, affected)[1]), seconds
        )

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
