"""What every way of forgetting takes and gives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from models_engine.federation.cohort import Cohort
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.files import StateFolder
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Devices, Progress

MakeCohort = Callable[[FedShareConfig, Replicas], Cohort]
"""The devices of the subjects that the worlds name, carrying on from the model that is to forget."""

StartDevices = Callable[[FedShareConfig], Devices]
"""The devices at their keyed start, for a course."""


@dataclass(frozen=True)
class Calibration:
    """How far a push along the induced view must go on this model; from `rehearsal.rehearse`."""

    erase: float
    """Amplitude for pairs of subjects who are erased."""
    unshare: float
    """Amplitude for pairs that go back to the device, which may go on learning from them."""
    unshare_rows: float
    """Amplitude, for those pairs, of the push on the rows of their subjects."""


@dataclass(frozen=True)
class ForgetTask:
    """One act of forgetting: the model as it is, and the data before and after."""

    model: Model
    course: Course
    """What the model learned from, and when."""
    unshared: Edges
    """Pairs that go back to their devices, by row of `before`."""
    erased: Tensor
    """Bool [n], subjects of `before` who leave entirely."""
    calibration: Calibration
    make_cohort: MakeCohort
    start_devices: StartDevices
    snapshots: StateFolder | None = None
    """Where the training left the states before its windows."""

    @property
    def before(self) -> SharedData:
        """The data that the model serves with, at the end of the course."""
        return self.course.windows[-1].replicas.worlds[0]

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


class Strategy(Protocol):
    """A rung of the ladder."""

    name: str
    exact: bool
    """Whether the result equals training without the data, byte for byte."""

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """A new model over `task.after()`; the given one is left as it is."""
        ...
