"""Simulated devices at rest: one folder that stands for thousands of phones.

It holds what real devices would hold and the server must not: every interaction of a subject,
shared or not, and the private vectors that go with a model version.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from models_engine.federation.simulated import SimulatedCohort
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import Edges, SharedData, rows_of
from models_engine.fedshare.files import StateFolder
from models_engine.fedshare.replicas import Replicas


@dataclass(frozen=True)
class DeviceData:
    """All interactions of all devices, one entry for each pair."""

    subject_keys: Tensor
    """int64 [pairs]"""
    item_keys: Tensor
    """int64 [pairs]"""
    held_out: Tensor
    """Bool [pairs]: kept for evaluation, never trained on."""

    @classmethod
    def empty(cls) -> "DeviceData":
        """No devices at all."""
        nothing = torch.empty(0, dtype=torch.int64)
        return cls(nothing, nothing, torch.empty(0, dtype=torch.bool))

    def where(self, mask: Tensor) -> "DeviceData":
        """The entries for which the bool mask [pairs] holds."""
        return DeviceData(self.subject_keys[mask], self.item_keys[mask], self.held_out[mask])

    def edges(self, data: SharedData, held_out: bool) -> Edges:
        """The pairs of the subjects and items that `data` names, by its rows."""
        subjects = rows_of(self.subject_keys, data.subject_keys)
        items = rows_of(self.item_keys, data.item_keys)
        chosen = (subjects >= 0) & (items >= 0) & (self.held_out == held_out)
        return Edges(subjects[chosen], items[chosen])


@dataclass(frozen=True)
class PrivateVectors:
    """The private vectors of devices, for one model."""

    subject_keys: Tensor
    """int64 [n]"""
    vectors: Tensor
    """float32 [n, d]"""


class SimulatedFleet:
    """Reads and writes the folder; every write replaces a file whole."""

    def __init__(self, folder: Path):
        self.folder = folder

    def data(self) -> DeviceData:
        """What the devices hold."""
        path = self.folder / "interactions.safetensors"
        return DeviceData(**load_file(path)) if path.exists() else DeviceData.empty()

    def add(self, new: DeviceData) -> int:
        """Give the devices interactions; those they have already are passed over. Returns how many are new."""
        old = self.data()
        pairs = torch.stack(
            [torch.cat([old.subject_keys, new.subject_keys]), torch.cat([old.item_keys, new.item_keys])], 1
        )
        held_out = torch.cat([old.held_out, new.held_out])
        unique, inverse = torch.unique(pairs, dim=0, return_inverse=True)
        merged = torch.zeros(len(unique), dtype=torch.bool)
        merged[inverse] = held_out
        self._write("interactions", {"subject_keys": unique[:, 0], "item_keys": unique[:, 1], "held_out": merged})
        return len(unique) - len(old.held_out)

    def cohort(
        self,
        config: FedShareConfig,
        replicas: Replicas,
        carried: PrivateVectors | None = None,
        memory: StateFolder | None = None,
        deleted: Sequence[Edges] | None = None,
        lent: Sequence[Edges] | None = None,
    ) -> SimulatedCohort:
        """The devices of the subjects that each world names, with everything they train on.

        Args:
            carried: vectors to carry on with; None starts afresh.
            memory: where the devices keep what a resumption needs.
            deleted: of each world, pairs by its rows that the devices go without.
            lent: of each world, pairs by its rows that the devices train on for this once.

        Raises:
            ValueError: a subject's device has none of the vectors to carry on with.
        """
        private = None
        if carried is not None:
            rows = rows_of(replicas.subject_keys, carried.subject_keys)
            if (rows < 0).any():
                raise ValueError("a device has no private vector to carry on with: train again")
            private = carried.vectors[rows]
        held = self.data()
        interactions = [held.edges(world, held_out=False) for world in replicas.worlds]
        if deleted is not None:
            parts = zip(interactions, deleted, replicas.worlds, strict=True)
            interactions = [pairs.without(gone, world.n_items) for pairs, gone, world in parts]
        if lent is not None:
            parts = zip(interactions, lent, replicas.worlds, strict=True)
            interactions = [pairs.union(more, world.n_items) for pairs, more, world in parts]
        return SimulatedCohort(config, replicas, interactions, private, memory)

    def private(self, version: int) -> PrivateVectors:
        """The vectors that the devices keep of a version."""
        return PrivateVectors(**load_file(self._private_path(version)))

    def versions(self) -> list[int]:
        """Those of which the devices keep vectors."""
        return [int(path.stem.removeprefix("private-")) for path in self.folder.glob("private-*.safetensors")]

    def sweep(self) -> None:
        """Remove what a process left that was killed while it wrote."""
        for path in self.folder.glob(".*.tmp"):
            if not psutil.pid_exists(int(path.name.split(".")[-2])):
                path.unlink(missing_ok=True)

    def keep_private(self, version: int, vectors: PrivateVectors) -> None:
        """Let the devices keep their vectors of a version."""
        self._write(f"private-{version}", dict(vars(vectors)))

    def drop_private(self, version: int) -> None:
        """Let the devices drop their vectors of a version."""
        self._private_path(version).unlink(missing_ok=True)

    def erase(self, subject_keys: Tensor) -> None:
        """Wipe devices: their interactions, and their vectors of every version."""
        data = self.data()
        left = data.where(~torch.isin(data.subject_keys, subject_keys))
        self._write("interactions", dict(vars(left)))
        for path in self.folder.glob("private-*.safetensors"):
            stored = load_file(path)
            keep = ~torch.isin(stored["subject_keys"], subject_keys)
            self._write(path.stem, {name: tensor[keep] for name, tensor in stored.items()})

    def _private_path(self, version: int) -> Path:
        return self.folder / f"private-{version}.safetensors"

    def _write(self, name: str, tensors: dict[str, Tensor]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self.folder / f".{name}.{os.getpid()}.tmp"
        owned = {part: tensor.clone(memory_format=torch.contiguous_format) for part, tensor in tensors.items()}
        save_file(owned, temporary)
        os.replace(temporary, self.folder / f"{name}.safetensors")
