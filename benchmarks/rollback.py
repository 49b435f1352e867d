"""What an exact erasure costs where data comes in over time: rolling back and replaying against retraining.

`python -m benchmarks.rollback [--quick] [--json FILE]`

Online Retail in windows of a month. Erased are subjects who came with the last window, one at a time.
"""

import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmarks import datasets, report
from benchmarks.configs import CONFIGS
from benchmarks.datasets import Dataset
from benchmarks.report import Figure
from models_engine.federation.simulated import SimulatedCohort
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course, Window
from models_engine.fedshare.data import Edges, SharedData, rows_of
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.places import Folder
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Training
from models_engine.fedshare.unlearning import NOTHING, ForgetTask, Retrain, RollbackReplay
from models_engine.fedshare.unlearning.strategy import Deleted

_SEED = 1


class Months:
    """A dataset with times, cut into calendar months."""

    def __init__(self, dataset: Dataset, config: FedShareConfig):
        assert dataset.times is not None
        self._dataset, self.config = dataset, config
        months = dataset.times.numpy().astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
        self._month = torch.from_numpy(months - months.min())
        self._shared = dataset.ranks() < dataset.mixed_ratios()[dataset.train.subjects]
        self.count = int(self._month.max()) + 1

    def course(self) -> Course:
        """Every month's window, with equal shares of the rounds."""
        rounds = self.config.rounds // self.count
        return Course([Window(Replicas([self._world(month)], [_SEED]), rounds) for month in range(self.count)])

    def interactions(self, month: int, world: SharedData) -> Edges:
        """What the devices of a world had collected by the end of a month."""
        pairs = self._dataset.train.where(self._month <= month)
        rows = Edges(
            rows_of(self._dataset.subject_keys, world.subject_keys)[pairs.subjects],
            rows_of(self._dataset.item_keys, world.item_keys)[pairs.items],
        )
        return rows.where((rows.subjects >= 0) & (rows.items >= 0))

    def _world(self, month: int) -> SharedData:
        there = self._month <= month
        pairs, shared = self._dataset.train.where(there), self._dataset.train.where(there & self._shared)
        subjects, items = torch.unique(pairs.subjects), torch.unique(pairs.items)
        edges = Edges(torch.searchsorted(subjects, shared.subjects), torch.searchsorted(items, shared.items))
        return SharedData(self._dataset.subject_keys[subjects], self._dataset.item_keys[items], edges)


class MonthlyDevices:
    """Devices that collect from month to month."""

    def __init__(self, months: Months, memory: StateFiles):
        self._months, self._memory = months, memory
        self._cohort: SimulatedCohort | None = None

    def enter(self, window: int, replicas: Replicas) -> SimulatedCohort:
        """See `Devices.enter`."""
        held = [self._months.interactions(window, world) for world in replicas.worlds]
        earlier, self._cohort = self._cohort, SimulatedCohort(self._months.config, replicas, held, memory=self._memory)
        if earlier is not None:
            self._cohort.carry_on(earlier)
        return self._cohort


def newcomers(course: Course, count: int) -> Tensor:
    """Rows, in the last window, of subjects who came with it and share something."""
    last, before = course.windows[-1].replicas.worlds[0], course.windows[-2].replicas.worlds[0]
    new = (rows_of(last.subject_keys, before.subject_keys) < 0) & last.sharing()
    return new.nonzero().squeeze(1)[:count]


def main() -> None:
    """Run it."""
    parser = report.options(__doc__)
    chosen = parser.parse_args()
    try:
        dataset = datasets.load("online-retail")
    except datasets.DatasetAbsent as absent:
        print(f"skipped: {absent}")
        return
    config = replace(CONFIGS["online-retail"], rounds=26 if chosen.quick else 208)
    months = Months(dataset, config)
    course, ratios, exact = months.course(), [], []
    with tempfile.TemporaryDirectory() as folder:
        server, devices = StateFiles(Folder(Path(folder) / "server")), StateFiles(Folder(Path(folder) / "devices"))
        (model,) = Training(config, course, MonthlyDevices(months, devices), server, 10**9).run()
        kept, parts = server.bytes() + devices.bytes(), course.windows[-1].replicas.worlds[0]
        for row in newcomers(course, 2 if chosen.quick else 5).tolist():
            task = ForgetTask(
                model=model,
                course=course,
                unshared=NOTHING,
                deleted=NOTHING,
                erased=torch.arange(parts.n_subjects) == row,
                calibration=None,
                make_cohort=_nobody,
                start_devices=lambda _config, _deleted: MonthlyDevices(months, devices),
                snapshots=server,
            )
            results = []
            for strategy in (RollbackReplay(), Retrain()):
                began = time.perf_counter()
                forgotten = strategy.forget(task, lambda fraction: None)
                results.append((time.perf_counter() - began, forgotten.model.digest()))
            (replayed, digest), (retrained, expected) = results
            ratios.append(retrained / replayed)
            exact.append(digest == expected)
    stored = _update_history_bytes(months, course)
    report.show_figures(
        f"Exact erasure of {len(ratios)} subjects who came in the last of {months.count} months",
        [
            Figure("same bytes as retraining", f"{sum(exact)} of {len(exact)}", "all", all(exact)),
            Figure("times faster than retraining (least)", f"{min(ratios):.1f}", "≥ 5", min(ratios) >= 5),
            Figure(
                "kept for it, of FedEraser's client updates at these settings",
                f"1/{stored / kept:.0f} ({kept / 2**20:.0f} MiB of {stored / 2**20:.0f} MiB)",
                "≤ 1/20",
                kept <= stored / 20,
            ),
        ],
    )
    report.write(chosen.json, {"times_faster": ratios, "exact": exact, "kept": kept, "fed_eraser": stored})


def _nobody(config: FedShareConfig, replicas: Replicas, deleted: Deleted) -> SimulatedCohort:
    raise NotImplementedError("exact strategies start their own devices")


def _update_history_bytes(months: Months, course: Course) -> int:
    """What FedEraser stores: for each device and round it takes part in, its update of the items that it touches.

    A device's update is non-zero on its own items and as many negatives, a float32 row of width d each, with
    4 bytes for the index (Liu et al., IWQoS 2021, keep the full update, m rows; this counts only what is not zero).
    """
    row, total = 4 * (months.config.width + 1), 0
    for number, window in enumerate(course.windows):
        pairs = len(months.interactions(number, window.replicas.worlds[0]))
        total += int(2 * pairs * row * window.rounds * months.config.participation)
    return total


if __name__ == "__main__":
    main()
