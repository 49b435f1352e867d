"""Training from the keyed start to a model."""

from collections.abc import Callable

import torch
from torch import Tensor

from models_engine.federation.cohort import Cohort
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.server import Server, initial_items, initial_subjects

Progress = Callable[[float], None]
"""Called with the finished fraction, in [0, 1]."""


def snapshot_rounds(rounds: int) -> list[int]:
    """After which rounds the subject rows are kept: an eighth, a quarter, half, and all of them."""
    return sorted({max(1, rounds // 8), max(1, rounds // 4), max(1, rounds // 2), rounds})


def train(
    config: FedShareConfig,
    data: SharedData,
    cohort: Cohort,
    seeds: Tensor,
    progress: Progress = lambda fraction: None,
) -> Model:
    """Train one replica for each seed; the same inputs give the same bytes on the same machine.

    Args:
        seeds: int64 [replicas].

    Raises:
        FloatingPointError: the loss diverged.
    """
    server = Server(
        config,
        data,
        initial_subjects(config, data.subject_keys, seeds),
        initial_items(config, data.item_keys, seeds),
    )
    snapshots = snapshot_rounds(config.rounds)
    history = []
    for round_number in range(config.rounds):
        server.learn(round_number, cohort)
        if round_number + 1 in snapshots:
            history.append(server.subjects.clone())
        progress((round_number + 1) / config.rounds)
    model = Model(config, data.subject_keys, data.item_keys, seeds, server.subjects, server.items, torch.stack(history))
    model.assert_finite()
    return model
