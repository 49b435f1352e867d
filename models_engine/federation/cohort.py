"""The seam between server and devices: what crosses it in a round, and nothing else."""

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


@dataclass(frozen=True)
class Broadcast:
    """What the server sends to the devices of a round."""

    items: Tensor
    """Q, the item rows, [m, d]."""
    subject_views: Tensor
    """Global views of the subjects, [n, d]; a device reads its own row and the contrasted ones."""
    item_views: Tensor
    """Global views of the items, [m, d]."""


@dataclass(frozen=True)
class Contribution:
    """What comes back: gradients, summed over the cohort wherever devices share a row.

    A subject's own view belongs to one device, so its row of `subject_views` comes from that device
    alone; no private vector and no interaction is sent, but a gradient can hint at one.
    """

    items: Tensor
    """Gradient of the loss with respect to Q, [m, d]."""
    subject_views: Tensor
    """Gradient with respect to the subjects' global views, [n, d]; zero for who did not take part."""
    item_views: Tensor
    """Gradient with respect to the items' global views, [m, d]."""
    loss: Tensor
    """Mean loss of each replica, [replicas]."""


class Cohort(Protocol):
    """Devices, as the server sees them: they answer a broadcast with an aggregate."""

    def contribute(self, round_number: int, broadcast: Broadcast) -> Contribution:
        """Compute this round's aggregate; each device that takes part also steps its private vector."""
        ...

    def holdings(self) -> Tensor:
        """How many pairs each device trains on, int64 [n]: the n_k by which federated averaging weighs devices."""
        ...

    def remember(self, label: str) -> None:
        """Let the devices keep their present state under a label; it does not leave them."""
        ...

    def recall(self, label: str) -> None:
        """Let the devices go back to what they kept under a label."""
        ...

    def drop(self, label: str) -> None:
        """Let the devices forget what they kept under a label, if anything."""
        ...
