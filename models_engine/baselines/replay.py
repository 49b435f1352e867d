"""Stored updates, replayed with new directions: FedEraser and FRU.

FedEraser (Liu et al., IWQoS 2021) keeps what devices sent in every few rounds. To forget, it starts over from the
first model and, for each round that was kept, lets the devices that stay compute an update anew: the stored one gives
the length of the step, the new one its direction, ‖ΔM‖ · ΔM̂ / ‖ΔM̂‖. FRU (Yuan et al., WSDM 2023) does so for
recommenders. Here lengths are those of the table's rows, over each cycle in which every device takes part once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server
from models_engine.fedshare.training import Devices, Progress
from models_engine.fedshare.unlearning.strategy import ForgetTask, Forgotten

_FLOAT_BYTES = 4


@dataclass(frozen=True)
class StoredUpdates:
    """How far every row went in each cycle of a training."""

    subjects: Tensor
    """Lengths [cycles, n]."""
    items: Tensor
    """Lengths [cycles, m]."""


def cycle_of(config: FedShareConfig) -> int:
    """Rounds in which every device takes part once: the interval at which updates are kept."""
    return round(1 / config.participation)


def record(config: FedShareConfig, course: Course, devices: Devices) -> StoredUpdates:
    """What a server that stores updates would have kept of a training in one window; learned once more for it."""
    replicas = course.windows[0].replicas
    server, cohort = Server(config, replicas), devices.enter(0, replicas)
    lengths: list[tuple[Tensor, Tensor]] = []
    before = server.subjects.clone(), server.items.clone()
    for round_number in range(config.rounds):
        server.learn(round_number, cohort)
        if (round_number + 1) % cycle_of(config) == 0:
            now = server.subjects.clone(), server.items.clone()
            lengths.append(((now[0] - before[0]).norm(dim=1), (now[1] - before[1]).norm(dim=1)))
            before = now
    subjects, items = (torch.stack(rows) for rows in zip(*lengths, strict=True))
    return StoredUpdates(subjects, items)


class CalibratedReplay:
    """From the keyed start, a step for each stored one: as long as that was, in the direction of those who stay."""

    name = "calibrated_replay"
    exact = False

    def __init__(self, stored: Mapping[int, StoredUpdates]):
        """
        Args:
            stored: by the seed of the model.
        """
        self._stored = stored

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`."""
        stored, model = self._stored[task.model.seed], task.model
        # In the one round that stands for a cycle, everybody takes part.
        config = replace(model.config, participation=1.0)
        replicas = Replicas([task.after()], [model.seed])
        server = Server(config, replicas)
        cohort = task.start_devices(config, None).enter(0, replicas)
        staying = ~task.erased
        for cycle, (subjects, items) in enumerate(zip(stored.subjects[:, staying], stored.items, strict=True)):
            _, of_subjects, of_items = server.gradients(cycle, cohort)
            server.subjects -= _as_long_as(subjects, of_subjects)
            server.items -= _as_long_as(items, of_items)
            progress((cycle + 1) / len(stored.items))
        history = torch.stack([server.subjects] * len(model.history))
        forgotten = replace(model.keeping(staying), subjects=server.subjects, items=server.items, history=history)
        forgotten.assert_finite()
        return Forgotten(forgotten, cohort)


def bytes_of_updates(config: FedShareConfig, pairs: int, subjects: int) -> int:
    """What FedEraser keeps of a training: in every cycle what each device sent, a row for each of its pairs and of as
    many negative items, and one for its own view.

    Args:
        pairs: that the devices train on.
        subjects: number of devices.
    """
    cycles = config.rounds // cycle_of(config)
    return cycles * (2 * pairs + subjects) * config.width * _FLOAT_BYTES


def _as_long_as(length: Tensor, direction: Tensor) -> Tensor:
    """Rows of `direction` [rows, d] at the given lengths [rows]."""
    return direction * (length / direction.norm(dim=1).clamp(min=1e-12))[:, None]
