"""What every way of forgetting takes and gives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from models_engine.federation.cohort import Cohort
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.training import Progress

MakeCohort = Callable[[Model | None, SharedData], Cohort]
"""The devices of the subjects that the data names: carrying on from a model and with its step size,
or from the keyed start."""


@dataclass(frozen=True)
class Calibration:
    """How far a push along the induced view must go on this model; from `rehearsal.rehearse`."""

    erase: float
    """Amplitude for pairs of subjects who are erased."""
    unshare: float
    """Amplitude for pairs that go back to the device, which may go on learning from them."""


@dataclass(frozen=True)
class ForgetTask:
    """One act of forgetting: the model as it is, and the data before and after."""

    model: Model
    before: SharedData
    unshared: Edges
    """Pairs that go back to their devices, by row of `before`."""
    erased: Tensor
    """Bool [n], subjects of `before` who leave entirely."""
    calibration: Calibration
    make_cohort: MakeCohort

    def after(self) -> SharedData:
        """The data that remains."""
        return self.before.without(self.unshared, self.erased)

    def withdrawn(self) -> Edges:
        """Every pair that must be forgotten, by row of `before`."""
        gone = torch.isin(self.before.edges.codes(self.before.n_items), self.unshared.codes(self.before.n_items))
        return self.before.edges.where(gone | self.erased[self.before.edges.subjects])


@dataclass(frozen=True)
class Forgotten:
    """What a strategy leaves behind."""

    model: Model
    cohort: Cohort
    """The remaining devices, with the private vectors that go with the model."""


class Strategy(Protocol):
    """A rung of the ladder."""

    name: str
    exact: bool
    """Whether the result equals training without the data, byte for byte."""

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """A new model over `task.after()`; the given one is left as it is."""
        ...
