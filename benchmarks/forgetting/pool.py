"""Shadow models of many small requests at once: each lacks a random half of them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from benchmarks.devices import Trained
from benchmarks.forgetting.attack import Floats, Scorer
from benchmarks.forgetting.requests import ForgetRequest, deleted, remaining
from models_engine.fedshare.data import SharedData

_SEED = 7


class Pool:
    """Models, half of which never had the data of any one request."""

    def __init__(
        self,
        requests: Sequence[ForgetRequest],
        data: SharedData,
        half: int,
        train: Callable[..., list[Trained]],
    ):
        """
        Args:
            requests: of different subjects.
            half: how many models shall lack each request; as many have it.
            train: models of some worlds, with what is deleted in each, and seeds.
        """
        self.requests, self._data = requests, data
        generator = np.random.default_rng(_SEED)
        self._lacking: list[list[bool]] = []
        for _ in range(half):
            lacks = generator.permutation(len(requests)) < len(requests) // 2
            self._lacking += [lacks.tolist(), (~lacks).tolist()]
        chosen = [[r for r, out in zip(requests, lacks, strict=True) if out] for lacks in self._lacking]
        worlds, gone = [remaining(data, c) for c in chosen], [deleted(c) for c in chosen]
        self._models = train(worlds, gone, seeds(2000, len(chosen)))

    def margins(self, request: ForgetRequest, scorer: Scorer) -> tuple[list[Floats], list[Floats]]:
        """Of the pairs of a request: by models that learned them, without the edges, and by models that never did."""
        place = [one.pairs is request.pairs for one in self.requests].index(True)
        knew, never = [], []
        for trained, lacks in zip(self._models, self._lacking, strict=True):
            if lacks[place]:
                never.append(scorer(trained.model, trained.data))
            else:
                knew.append(scorer(trained.model, self._dropped(trained.data, request)))
        return knew, never

    def _dropped(self, data: SharedData, request: ForgetRequest) -> SharedData:
        """A shadow's data without the request's edges; its rows are the dataset's unless somebody else left."""
        codes = request.pairs.codes(self._data.n_items)
        rows = torch.searchsorted(self._data.subject_keys, data.subject_keys)
        mine = rows[data.edges.subjects] * self._data.n_items + data.edges.items
        return replace(data, edges=data.edges.where(~torch.isin(mine, codes)))


def seeds(first: int, count: int) -> list[int]:
    """So many, from the first on."""
    return list(range(first, first + count))
