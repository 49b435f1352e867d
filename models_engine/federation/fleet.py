"""Simulated devices at rest: one place that stands for thousands of phones.

It holds what real devices would hold and the server must not: every interaction of a subject,
shared or not, and the private vectors that go with a model version.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from safetensors.torch import load, save
from torch import Tensor

from models_engine.federation.simulated import SimulatedCohort
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import Edges, SharedData, rows_of
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.places import Place
from models_engine.fedshare.replicas import Replicas

_INTERACTIONS, _PRIVATE = "interactions", "private-"
_FORMER = ".safetensors"
_DIGEST_BYTES = hashlib.sha256().digest_size


class DeviceFileError(ValueError):
    """What devices hold is missing or damaged; the message says what to do."""


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
    """Reads and writes what they hold: pieces that begin with their SHA-256, each replaced whole.

    `add` and `erase` read, change and write: one at a time may do it, which is up to who calls them.
    """

    def __init__(self, place: Place, assert_alone: Callable[[], None] = lambda: None):
        """
        Args:
            assert_alone: called just before what was read and changed is written; raises where another may have
                changed it meanwhile.
        """
        self.place, self._assert_alone = place, assert_alone

    def data(self) -> DeviceData:
        """What the devices hold."""
        tensors = self._read(_INTERACTIONS)
        return DeviceData.empty() if tensors is None else DeviceData(**tensors)

    def digest(self) -> str:
        """SHA-256 over what the devices hold, in hexadecimal."""
        return hashlib.sha256(self.place.read(_INTERACTIONS) or b"").hexdigest()

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
        self._assert_alone()
        self._write(_INTERACTIONS, {"subject_keys": unique[:, 0], "item_keys": unique[:, 1], "held_out": merged})
        return len(unique) - len(old.held_out)

    def cohort(
        self,
        config: FedShareConfig,
        replicas: Replicas,
        carried: PrivateVectors | None = None,
        memory: StateFiles | None = None,
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

    def private(self, model: str) -> PrivateVectors:
        """The vectors that the devices keep of a model.

        Raises:
            DeviceFileError: they keep none, or a byte has changed.
        """
        tensors = self._read(f"{_PRIVATE}{model}")
        if tensors is None:
            raise DeviceFileError("the devices keep no vectors of this model: train again")
        return PrivateVectors(**tensors)

    def models(self) -> list[str]:
        """Those of which the devices keep vectors."""
        return [name.removeprefix(_PRIVATE) for name in self.place.names() if name.startswith(_PRIVATE)]

    def sweep(self) -> None:
        """Remove what a process left that was killed while it wrote, and what earlier builds kept: nobody wipes it."""
        self.place.sweep()
        for name in self.place.names():
            if name.endswith(_FORMER):
                self.place.remove(name)

    def keep_private(self, model: str, vectors: PrivateVectors) -> None:
        """Let the devices keep their vectors of a model."""
        self._write(f"{_PRIVATE}{model}", dict(vars(vectors)))

    def drop_private(self, model: str) -> None:
        """Let the devices drop their vectors of a model."""
        self.place.remove(f"{_PRIVATE}{model}")

    def erase(self, subject_keys: Tensor) -> None:
        """Wipe devices: their interactions, and their vectors of every model."""
        data = self.data()
        keep = ~torch.isin(data.subject_keys, subject_keys)
        if not keep.all():
            self._assert_alone()
            self._write(_INTERACTIONS, dict(vars(data.where(keep))))
        for model in self.models():
            tensors = self._read(f"{_PRIVATE}{model}")
            if tensors is None:  # dropped meanwhile
                continue
            keep = ~torch.isin(tensors["subject_keys"], subject_keys)
            if not keep.all():
                self._assert_alone()
                self.keep_private(model, PrivateVectors(tensors["subject_keys"][keep], tensors["vectors"][keep]))

    def _write(self, name: str, tensors: dict[str, Tensor]) -> None:
        owned = {part: tensor.clone(memory_format=torch.contiguous_format) for part, tensor in tensors.items()}
        content = save(owned)
        self.place.write(name, hashlib.sha256(content).digest() + content)

    def _read(self, name: str) -> dict[str, Tensor] | None:
        """The tensors of a piece; None if it is not there."""
        piece = self.place.read(name)
        if piece is None:
            return None
        digest, content = piece[:_DIGEST_BYTES], piece[_DIGEST_BYTES:]
        if hashlib.sha256(content).digest() != digest:
            raise DeviceFileError(
                f"what the simulated devices hold as {name} is damaged (its SHA-256 is not the one on record): "
                "restore it from a backup"
            )
        return load(content)
