"""What every way of forgetting takes and gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from models_engine.federation.cohort import Cohort
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Devices, Progress
from models_engine.fedshare.unlearning.regression import FallRegression, SubjectFall

NOTHING = Edges(torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64))

Fall = TypeVar("Fall", FallRegression, SubjectFall)

Deleted = Sequence[Edges] | None
"""Of each world, pairs by its rows that devices would delete; None where all is as it is."""

MakeCohort = Callable[[FedShareConfig, Replicas, Deleted], Cohort]
"""The devices of the subjects that the worlds name, carrying on from the model that is to forget."""

StartDevices = Callable[[FedShareConfig, Deleted], Devices]
"""The devices at their keyed start, for a course."""


@dataclass(frozen=True)
class Push:
    """Amplitudes along the induced views."""

    items: float
    rows: float
    """For the rows of subjects who stay."""


@dataclass(frozen=True)
class Pushes:
    """One for each fate of a pair."""

    delete: Push
    """The device deletes it; its subject may be erased, and has no row left then."""
    unshare: Push
    """It goes back to the device, which may go on learning from it."""


@dataclass(frozen=True)
class Falls(Generic[Fall]):
    """What tells how far margins must fall."""

    delete: Fall
    unshare: Fall


@dataclass(frozen=True)
class Calibration:
    """How far pull and push must go on a model; from `rehearsal.rehearse`."""

    small: Pushes
    """Without a pull, where a subject withdraws all pairs: for who can't be looked at, and as the end that others go
    towards.
    """
    alone: Falls[FallRegression]
    """Of the margin, over the views, of a pair which a subject who stays withdraws alone."""
    whole: Falls[SubjectFall]
    """Without a pull, of the margins, by fold-in, of all pairs of a subject; `delete` also where it leaves."""
    large: Pushes
    """After a pull, but for subjects who withdraw everything and can be looked at."""
    pace: float
    """Factor on the step of the rows of those who unshare, in the pull of a large request. It takes the place of a push
    on them: `large.unshare.rows` is 0.
    """

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "Calibration":
        """What `dataclasses.asdict` made of one."""
        small, large = (
            Pushes(**{fate: Push(**push) for fate, push in stored[size].items()}) for size in ("small", "large")
        )
        alone = Falls(**{fate: FallRegression.from_json(fall) for fate, fall in stored["alone"].items()})
        whole = Falls(**{fate: SubjectFall.from_json(fall) for fate, fall in stored["whole"].items()})
        return cls(small, alone, whole, large, stored["pace"])


@dataclass(frozen=True)
class ForgetTask:
    """One act of forgetting: the model as it is, and the data before and after."""

    model: Model
    course: Course
    """What the model learned from, and when."""
    unshared: Edges
    """Pairs that go back to their devices, by row of `before`."""
    deleted: Edges
    """Pairs of subjects who stay that have gone from their devices too, by row of `before`."""
    erased: Tensor
    """Bool [n], subjects of `before` who leave entirely."""
    calibration: Calibration | None
    """None where the model has none that counts: then only strategies that need none can forget."""
    make_cohort: MakeCohort
    start_devices: StartDevices
    snapshots: StateFiles | None = None
    """Where the training left the states before its windows."""
    checkpoints: StateFiles | None = None
    """Where learning again is taken up that was interrupted. The devices keep their part themselves."""

    @property
    def before(self) -> SharedData:
        """The data that the model serves with, at the end of the course."""
        return self.course.windows[-1].replicas.worlds[0]

    def after(self) -> SharedData:
        """The data that remains."""
        return self.before.without(self._named(), self.erased)

    def course_after(self) -> Course:
        """The course as it would have been without the data."""
        return self.course.without(self._named(), self.erased)

    def of_leavers(self) -> Edges:
        """The pairs of subjects who leave."""
        return self.before.edges.where(self.erased[self.before.edges.subjects])

    def withdrawn(self) -> Edges:
        """Every pair that must be forgotten, by row of `before`."""
        gone = self.before.edges.among(self._named(), self.before.n_items)
        return self.before.edges.where(gone | self.erased[self.before.edges.subjects])

    def _named(self) -> Edges:
        return Edges(
            torch.cat([self.unshared.subjects, self.deleted.subjects]),
            torch.cat([self.unshared.items, self.deleted.items]),
        )


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
