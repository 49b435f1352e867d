"""A trained model: the rows that the server holds, and the little history kept for forgetting."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import SharedData
from models_engine.fedshare.views import propagate

_TENSORS = ("subject_keys", "item_keys", "subjects", "items", "history")


class ModelFileError(ValueError):
    """A model file that is damaged or is not the one expected."""


@dataclass(frozen=True)
class Model:
    """What the server holds of one model."""

    config: FedShareConfig
    seed: int
    subject_keys: Tensor
    """int64 [n]"""
    item_keys: Tensor
    """int64 [m]"""
    subjects: Tensor
    """Subject rows S, float32 [n, d]."""
    items: Tensor
    """Item rows Q, float32 [m, d]."""
    history: Tensor
    """Subject rows at geometrically spaced rounds, float32 [snapshots, n, d]."""

    def views(self, data: SharedData) -> tuple[Tensor, Tensor]:
        """Global views of subjects and items over the shared graph of `data`."""
        return propagate(data.graph(), self.subjects, self.items, self.config.layers)

    def keeping(self, stays: Tensor) -> "Model":
        """The model without the rows of some subjects; `stays` is bool [n]."""
        return replace(
            self,
            subject_keys=self.subject_keys[stays],
            subjects=self.subjects[stays],
            history=self.history[:, stays],
        )

    def to_bytes(self) -> bytes:
        """The model as a safetensors file; equal models give equal bytes."""
        tensors = {name: getattr(self, name).contiguous() for name in _TENSORS}
        # One entry: safetensors writes several in no fixed order.
        about = json.dumps({"config": asdict(self.config), "seed": self.seed}, sort_keys=True)
        return save(tensors, metadata={"about": about})

    def digest(self) -> str:
        """SHA-256 of `to_bytes`, in hexadecimal."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @classmethod
    def from_bytes(cls, content: bytes, digest: str) -> "Model":
        """Read what `to_bytes` wrote.

        Raises:
            ModelFileError: the SHA-256 of `content` is not `digest`, or it holds no model.
        """
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise ModelFileError(f"the model file's SHA-256 is {found}, not {digest}: restore it from a backup")
        try:
            header_size = int.from_bytes(content[:8], "little")
            about = json.loads(json.loads(content[8 : 8 + header_size])["__metadata__"]["about"])
            return cls(config=FedShareConfig(**about["config"]), seed=about["seed"], **load(content))
        except (SafetensorError, ValueError, KeyError, TypeError) as error:
            raise ModelFileError(f"not a FedShare model file ({error})") from error

    def assert_finite(self) -> None:
        """Raise FloatingPointError if learning diverged."""
        if not (torch.isfinite(self.subjects).all() and torch.isfinite(self.items).all()):
            raise FloatingPointError("the model holds NaN or infinite values: lower learning_rate")
