"""What a FedShare model is, apart from its data and its seeds."""

import hashlib
import json
from dataclasses import asdict, dataclass

from models_engine.fedshare.losses import LEAST_TEMPERATURE


@dataclass(frozen=True)
class FedShareConfig:
    """Hyperparameters of learning. Every field is part of the model's identity (`digest`)."""

    width: int = 64
    """Embedding width d."""
    layers: int = 2
    """Propagation depth L of the global view."""
    rounds: int = 200
    """Number of federated rounds."""
    participation: float = 0.2
    """Share of the devices that take part in a round; each takes part once in 1/participation, to the nearest number of
    rounds.
    """
    learning_rate: float = 0.03
    """Adam step size, for the server's rows and for the devices' private vectors."""
    init_scale: float = 0.1
    """Standard deviation of the initial rows."""
    l2: float = 1e-4
    """Weight of the L2 term, on every row."""
    contrast_weight: float = 0.1
    """λ, the weight of InfoNCE between local and global view; 0 turns it off."""
    temperature: float = 0.2
    """τ of InfoNCE."""
    contrast_negatives: int = 128
    """How many other nodes each node is contrasted with in a round."""
    local_view: bool = True
    """Whether devices score with their private view too; without it the model is LightGCN."""
    clip: float = 0.0
    """Length that a device's message is cut to, in units of the summed gradient of its pairs; 0 turns it off."""
    noise: float = 0.0
    """Standard deviation of the Gaussian noise that a device adds to its message, in units of `clip`."""
    pull_rounds: int = 12
    """Rounds over the retained graph that a large request gets before the contrastive push."""
    pull_participation: float = 0.5
    """Share of the devices that take part in such a round; many, so that a step has little noise to be told by."""
    pull_rate: float = 0.3
    """Step size of those rounds, as a part of `learning_rate`."""

    def __post_init__(self) -> None:
        for name in ("width", "layers", "rounds", "contrast_negatives", "pull_rounds"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("participation", "pull_participation"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must lie in (0, 1], got {getattr(self, name)}")
        for name in ("learning_rate", "pull_rate", "init_scale"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not self.temperature >= LEAST_TEMPERATURE:
            raise ValueError(f"temperature must be at least {LEAST_TEMPERATURE}, got {self.temperature}")
        for name in ("l2", "contrast_weight", "clip", "noise"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")
        if self.noise and not self.clip:
            raise ValueError("noise without clip protects nobody: set clip as well")

    def digest(self) -> str:
        """SHA-256 of the configuration in canonical JSON."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
