"""From the keyed start to a model: in rounds, through the windows of a course, with resumption."""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor

from models_engine.federation.cohort import Cohort
from models_engine.fedshare.code import code_digest
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server

Progress = Callable[[float], None]
"""Called with the finished fraction, in [0, 1]."""

_RUNNING = "running"
_LOSSES = 100


class Devices(Protocol):
    """The devices through the windows of a course."""

    def enter(self, window: int, replicas: Replicas) -> Cohort:
        """Those of the subjects that `replicas` names, holding what they had collected by this window.

        They carry on from the window that was entered before; if there was none, they start afresh.
        """
        ...


def snapshot_rounds(rounds: int) -> list[int]:
    """After which rounds the subject rows are kept: an eighth, a quarter, half, and all of them."""
    return sorted({max(1, rounds // 8), max(1, rounds // 4), max(1, rounds // 2), rounds})


class Training:
    """The models of a course, one for each seed. The same inputs give the same bytes on the same kind of processor;
    on a GPU, whose sparse products add in no fixed order, only up to rounding.

    With a folder, the state before every window but the first is kept there (`window-N`), for rolling
    back, and the running state every so many rounds (`running`): a training that was killed goes on
    from it and ends with the bytes of one that was not. The devices keep their part themselves.
    """

    def __init__(
        self,
        config: FedShareConfig,
        course: Course,
        devices: Devices,
        folder: StateFiles | None = None,
        checkpoint_every: int = 100,
    ):
        self._config, self._course, self._devices = config, course, devices
        self._folder, self._every = folder, checkpoint_every
        self._snapshots = snapshot_rounds(course.rounds)
        self._every_loss = max(1, course.rounds // _LOSSES)
        self._history: list[tuple[int, Tensor]] = []  # window, subject rows
        self._running_since = 0
        self.first_round = 0
        """Where this run of it began."""
        self.losses: list[tuple[int, float]] = []
        """Round and mean loss of the models, at some hundred rounds since it was begun or taken up; to be drawn."""

    def run(self, progress: Progress = lambda fraction: None) -> list[Model]:
        """From the keyed start, or from where a training of the same course was interrupted.

        Raises:
            FloatingPointError: the loss diverged.
            StateFileError: the folder holds the running state of another training, or a damaged one.
        """
        if self._folder is None or _RUNNING not in self._folder:
            return self._learn(0, 0, None, progress)
        return self._resume(_RUNNING, len(self._course.windows), progress)

    def replay(self, progress: Progress = lambda fraction: None, *, same_devices: bool = True) -> list[Model]:
        """From the last snapshot that was learned from what this course has up to there; else from the keyed start.

        Args:
            same_devices: whether the devices hold what they held when the snapshots were taken; else none counts.

        Raises:
            FloatingPointError: the loss diverged.
            StateFileError: the snapshot is damaged.
        """
        for window in range(len(self._course.windows) - 1, 0, -1) if same_devices else ():
            if self._folder is not None and self._folder.holds(f"window-{window}", self._about(window)):
                return self._resume(f"window-{window}", window, progress)
        return self._learn(0, 0, None, progress)

    def _resume(self, label: str, windows: int, progress: Progress) -> list[Model]:
        assert self._folder is not None
        state = self._folder.read(label, self._about(windows))
        self.first_round = int(state["round"])
        self._running_since = int(state["round"]) if label == _RUNNING else 0
        return self._learn(int(state["window"]), int(state["round"]), state, progress)

    def _learn(
        self, window: int, round_number: int, state: dict[str, Tensor] | None, progress: Progress
    ) -> list[Model]:
        server, cohort = self._enter(window, None)
        if state is not None:
            self._restore(state, server)
            cohort.recall(f"round-{round_number}")
        while True:
            end = self._course.first_round(window + 1)
            while round_number < end:
                loss = server.learn(round_number, cohort)
                round_number += 1
                if round_number % self._every_loss == 0 or round_number == self._course.rounds:
                    self.losses.append((round_number, round(float(loss.mean()), 6)))
                if round_number in self._snapshots:
                    self._history.append((window, server.subjects.clone()))
                if round_number % self._every == 0 and round_number < end:
                    self._keep(_RUNNING, len(self._course.windows), window, round_number, server, cohort)
                    self._drop_running(cohort)
                    self._running_since = round_number
                progress(round_number / self._course.rounds)
            if window + 1 == len(self._course.windows):
                break
            # Before anything of the next window comes in, so that the snapshot knows nobody who came with it.
            self._keep(f"window-{window + 1}", window + 1, window, round_number, server, cohort)
            window += 1
            server, cohort = self._enter(window, server)
        if self._folder is not None:
            self._folder.drop(_RUNNING)
            self._drop_running(cohort)
        return self._models(server)

    def _enter(self, window: int, earlier: Server | None) -> tuple[Server, Cohort]:
        replicas = self._course.windows[window].replicas
        server = Server(self._config, replicas)
        if earlier is not None:
            server.carry_on(earlier)
        return server, self._devices.enter(window, replicas)

    def _keep(self, label: str, windows: int, window: int, round_number: int, server: Server, cohort: Cohort) -> None:
        if self._folder is None:
            return
        state = server.state() | {f"history-{i}": rows for i, (_, rows) in enumerate(self._history)}
        state["history"] = torch.tensor([at for at, _ in self._history], dtype=torch.int64)
        state |= {"window": torch.tensor(window), "round": torch.tensor(round_number)}
        # The devices first, under the round's name: a kill in between leaves the older pair whole.
        cohort.remember(f"round-{round_number}")
        self._folder.write(label, state, self._about(windows))

    def _drop_running(self, cohort: Cohort) -> None:
        """Let the devices forget their part of the running state before the present one."""
        if self._folder is not None and self._running_since:
            cohort.drop(f"round-{self._running_since}")

    def _restore(self, state: dict[str, Tensor], server: Server) -> None:
        server.restore(state)
        rows = (state[f"history-{i}"].to(server.subjects.device) for i in range(len(state["history"])))
        self._history = list(zip(state["history"].tolist(), rows, strict=True))

    def _about(self, windows: int) -> dict[str, Any]:
        """What must be the same for a state to be taken up: configuration, seeds, code, and the data so far."""
        return {
            "config": self._config.digest(),
            "seeds": list(self._course.seeds),
            "code": code_digest(),
            "data": self._course.digest(windows),
        }

    def _models(self, server: Server) -> list[Model]:
        last = self._course.windows[-1].replicas
        history = torch.stack([self._aligned(window, rows, server) for window, rows in self._history])
        models = []
        for place, (world, seed) in enumerate(zip(last.worlds, last.seeds, strict=True)):
            subjects, items = last.subject_slices[place], last.item_slices[place]
            models.append(
                Model(
                    config=self._config,
                    subject_keys=world.subject_keys,
                    item_keys=world.item_keys,
                    seed=seed,
                    subjects=server.subjects[subjects].clone(),
                    items=server.items[items].clone(),
                    history=history[:, subjects].clone(),
                )
            )
            models[-1].assert_finite()
        return models

    def _aligned(self, window: int, rows: Tensor, server: Server) -> Tensor:
        """Rows of an earlier window by the subjects of the last; who came later has the row of today."""
        places = server.replicas.subject_rows_in(self._course.windows[window].replicas)
        return torch.where((places >= 0)[:, None], rows[places.clamp(min=0)], server.subjects)
