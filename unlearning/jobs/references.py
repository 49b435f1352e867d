"""The fleet of reference models that the requests of a batch share."""

import torch
from torch import Tensor

from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.training import Progress, train
from unlearning.jobs.training import simulated_fleet

_REPLICAS_AT_ONCE = 4  # more don't fit the cache of a small machine and train slower, each


def train_references(config: FedShareConfig, data: SharedData, seeds: Tensor, progress: Progress) -> Model:
    """Train one model for each seed on the remaining data, as one model of K replicas.

    They live in memory only: models trained to be compared with are never stored.
    """
    groups = seeds.split(_REPLICAS_AT_ONCE)
    fleet = simulated_fleet()
    trained = [
        train(
            config,
            data,
            fleet.cohort(config, data, group),
            group,
            lambda fraction, done=done: progress((done + fraction) / len(groups)),
        )
        for done, group in enumerate(groups)
    ]
    return Model(
        config,
        data.subject_keys,
        data.item_keys,
        seeds,
        torch.cat([m.subjects for m in trained], 1),
        torch.cat([m.items for m in trained], 1),
        torch.cat([m.history for m in trained], 2),
    )
