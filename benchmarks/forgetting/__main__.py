"""`python -m benchmarks.forgetting [--quick] [--dataset NAME ...] [--json FILE]`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from rich.progress import Progress as Bars
from scipy import stats

from benchmarks import datasets, report
from benchmarks.configs import CONFIGS
from benchmarks.devices import Population, Trained
from benchmarks.forgetting.attack import Floats, Scorer, Scores, attack
from benchmarks.forgetting.page import COLUMNS
from benchmarks.forgetting.planner import in_words, planner
from benchmarks.forgetting.pool import Pool, seeds
from benchmarks.forgetting.requests import (
    BY_ITEMS,
    KINDS,
    ForgetRequest,
    large_request,
    leavers,
    remaining,
    small_requests,
)
from benchmarks.forgetting.sequence import OneByOne
from benchmarks.forgetting.sharded import Sharded
from models_engine.baselines.influence import InfluenceStep
from models_engine.baselines.passive import DropEdges
from models_engine.baselines.replay import CalibratedReplay, bytes_of_updates, record
from models_engine.baselines.tuning import FineTune, GradientAscent
from models_engine.fedshare.code import code_digest
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning import NOTHING, Contrastive, ForgetTask, Forgotten, Retrain, Strategy
from models_engine.fedshare.unlearning.rehearsal import Twin, rehearse
from models_engine.fedshare.unlearning.strategy import Calibration, Deleted

_TIME_TARGETS = {"interaction": 50, "subject": 50, BY_ITEMS: 50, "leavers": 1, "tenth": 8}
_SIZES = ("tenth", "leavers", "interaction", "subject")
_MARGINS = ("before", "knew", "never", "held_out")
_SHARDED_REQUESTS = 5
"""Small requests whose shards are learned again; their time hardly differs."""
_REGRESSIONS = {
    "alone, delete": "alone.delete",
    "alone, unshare": "alone.unshare",
    "whole, delete": "whole.delete.mean",
    "whole, unshare": "whole.unshare.mean",
    "within, delete": "whole.delete.departures",
    "within, unshare": "whole.unshare.departures",
}
"""Of a calibration, by what the measurements call them."""
_AT_ONCE = {"cpu": 4, "cuda": 16}
"""Models that learn as one: more of them want more memory than a processor's caches have."""


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    targets: int = 5
    shadows: int = 12
    held_out: int = 8
    interactions: int = 240
    """Requests of one interaction, of each kind."""
    subjects: int = 60
    """Requests of one subject, of each kind."""
    leavers: int = 50
    """Subjects who are erased one after the other."""


class Bench:
    """One dataset."""

    def __init__(self, name: str, sizes: Sizes, device: torch.device, without: Sequence[str], progress: Bars):
        self.dataset = datasets.load(name).to(device)
        self.sizes, self.name, self._device, self._without = sizes, name, device, without
        self._bar = progress.add_task(name, total=None)
        self._progress = progress
        self.population = Population(self.dataset, CONFIGS[name])
        self.data = self.dataset.shared(self.dataset.mixed_ratios())
        self._small = small_requests(
            self.dataset, self.data, {"interaction": sizes.interactions, "subject": sizes.subjects}
        )
        self._say("targets")
        self.targets = [self.population.train([self.data], [seed])[0] for seed in range(sizes.targets)]
        self._say("rehearsals")
        training, began = self._training_seconds(), report.now(device)
        self.calibrations = [self._rehearse(target) for target in self.targets]
        self._rehearsal = (report.now(device) - began) / len(self.targets) / training

    def run(self, asked: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
        """Every strategy on one size and kind after the other, of the sizes that are asked for."""
        count = self.sizes.shadows if {"tenth", "leavers"} & set(asked) else 0
        knew = self._fleet([self.data] * count, [None] * count, seeds(1000, count))
        for size in asked:
            self._say(f"shadows: {size}")
            if size == "tenth":
                strategies = self._strategies()
                for kind in KINDS:
                    request = large_request(self.dataset, self.data, kind)
                    yield self._compare([request], self._large_scores(request, knew), strategies)
            elif size == "leavers":
                request = leavers(self.dataset, self.data, self.sizes.leavers)
                in_turn = (DropEdges(), Contrastive(), OneByOne(), Retrain())
                yield self._compare([request], self._large_scores(request, knew), in_turn)
            else:
                requests = [r for r in self._small if r.size == size]
                pool = Pool(requests, self.data, self.sizes.shadows + self.sizes.held_out, self._fleet)
                for kind in KINDS:
                    chosen = [request for request in requests if request.kind == kind]
                    yield self._compare_small(pool, chosen)
                    if (size, kind) == ("subject", "unshare"):
                        yield self._compare_small(pool, [replace(request, size=BY_ITEMS) for request in chosen])

    def _strategies(self) -> list[Strategy]:
        """Those that are compared on large requests; replay has to learn the targets again for its updates."""
        learn_again = self.targets if CalibratedReplay.name not in self._without else []
        config, start = self.population.config, self.population.start_devices()
        courses = {
            target.model.seed: Course.single([self.data], [target.model.seed], config.rounds) for target in learn_again
        }
        replay = CalibratedReplay({seed: record(config, one, start(config, None)) for seed, one in courses.items()})
        known = (DropEdges(), Contrastive(), FineTune(), GradientAscent(), InfluenceStep(), replay, Retrain())
        return [strategy for strategy in known if strategy.name not in self._without]

    def kept_bytes(self) -> dict[str, int]:
        """What is kept for forgetting beside a model, and what the updates of its training would take."""
        history = self.targets[0].model.history
        pairs, subjects = len(self.dataset.train), len(self.dataset.subject_keys)
        return {
            "history": history.numel() * history.element_size(),
            "updates": bytes_of_updates(self.population.config, pairs, subjects),
        }

    def rehearsals(self) -> dict[str, float]:
        """What a rehearsal takes, in trainings, and what share of falls' variance it can tell of actors left out of the
        fit: of pairs alone, of subjects who withdraw everything, and of how the pairs of one differ.
        """
        told = {
            name: float(np.mean([attrgetter(path)(calibration).explained for calibration in self.calibrations]))
            for name, path in _REGRESSIONS.items()
        }
        return {"trainings": self._rehearsal, **told}

    def _training_seconds(self) -> float:
        """Of one training. What is compared with it is timed right after it: a shared machine is not always as fast."""
        began = report.now(self._device)
        self.population.train([self.data], [0])
        return report.now(self._device) - began

    def _say(self, what: str) -> None:
        self._progress.update(self._bar, description=f"{self.name}: {what}")

    def _rehearse(self, target: Trained) -> Calibration:
        def twins(wanted: Sequence[Twin], progress: Progress) -> list[Model]:
            worlds, gone = [twin.data for twin in wanted], [twin.deleted for twin in wanted]
            return [trained.model for trained in self._fleet(worlds, gone, [target.model.seed] * len(wanted))]

        return rehearse(
            target.model,
            self.data,
            lambda config, replicas, gone: self.population.cohort(config, replicas, gone, target),
            twins,
            lambda fraction: None,
        )

    def _fleet(self, worlds: Sequence[SharedData], gone: Sequence[Any], seeds: Sequence[int]) -> list[Trained]:
        trained: list[Trained] = []
        at_once = _AT_ONCE[self._device.type]
        for start in range(0, len(worlds), at_once):
            part = slice(start, start + at_once)
            trained += self.population.train(worlds[part], seeds[part], gone[part])
        return trained

    def _compare_small(self, pool: Pool, requests: list[ForgetRequest]) -> list[dict[str, Any]]:
        parts = []
        for request in requests:
            scorer = Scorer(request, self.data)
            parts.append(self._scores(request, scorer, *pool.margins(request, scorer)))
        return self._compare(requests, _joined(parts), (DropEdges(), Contrastive()))

    def _large_scores(self, request: ForgetRequest, knew: list[Trained]) -> Scores:
        scorer, count = Scorer(request, self.data), self.sizes.shadows + self.sizes.held_out
        left = remaining(self.data, [request])
        never = self._fleet([left] * count, [request.deleted] * count, seeds(3000, count))
        return self._scores(
            request, scorer, [scorer(t.model, left) for t in knew], [scorer(t.model, left) for t in never]
        )

    def _scores(self, request: ForgetRequest, scorer: Scorer, knew: list[Floats], never: list[Floats]) -> Scores:
        return Scores(
            subjects=request.pairs.subjects.cpu().numpy(),
            before=np.stack([scorer(t.model, self.data) for t in self.targets], -1),
            knew=np.stack(knew[: self.sizes.shadows], -1),
            never=np.stack(never[: self.sizes.shadows], -1),
            held_out=np.stack(never[self.sizes.shadows :], -1),
        )

    def _compare(
        self, requests: list[ForgetRequest], scores: Scores, strategies: Sequence[Strategy]
    ) -> list[dict[str, Any]]:
        first, sharded = requests[0], Sharded(self.population, self.data, self._device)
        rows = [self._row(first, "nothing", scores, scores.before, None, None)]
        retrained = None
        for strategy in reversed(strategies):
            self._say(f"{first.size}, {first.kind}: {strategy.name}")
            after, speed, quality = self._forget_all(requests, strategy)
            if isinstance(strategy, Retrain):
                retrained = quality
            against = None if retrained is None else (quality, retrained)
            rows.append(self._row(first, strategy.name, scores, after, against, speed))
        if first.size not in ("interaction", BY_ITEMS) and sharded.name not in self._without:
            self._say(f"{first.size}, {first.kind}: {sharded.name}")
            rows.append(self._sharded(sharded, requests[:_SHARDED_REQUESTS], retrained))
        return [*rows, *planner(rows)]

    def _sharded(self, sharded: Sharded, requests: Sequence[ForgetRequest], retrained: Floats | None) -> dict[str, Any]:
        seconds, qualities, training = [], [], self._training_seconds()
        for target in self.targets:
            for request in requests:
                found = sharded.forget(request, target.model.seed)
                seconds.append(found.seconds)
                if retrained is not None:
                    qualities.append(sharded.quality(found, request, target.model.seed))
        utility = {} if retrained is None else _utility(np.array(qualities), retrained)
        return self._exact_row(requests[0], sharded.name, utility, training / float(np.median(seconds)))

    def _forget_all(self, requests: list[ForgetRequest], strategy: Strategy) -> tuple[Floats, float, Floats]:
        """Margins [2, pairs, targets], how many times faster than a training the median was, and on large requests for
        every target [targets, 3] recall and NDCG of the unaffected, and the NDCG of the affected.
        """
        columns, seconds, qualities, training = [], [], [], self._training_seconds()
        for target, calibration in zip(self.targets, self.calibrations, strict=True):
            parts = []
            for request in requests:
                task = self._task(request, target, calibration)
                began = report.now(self._device)
                forgotten = strategy.forget(task, lambda fraction: None)
                seconds.append(report.now(self._device) - began)
                parts.append(Scorer(request, self.data)(forgotten.model, task.after()))
                if len(requests) == 1:
                    qualities.append(self._quality(request, task.after(), forgotten))
            columns.append(np.concatenate(parts, 1))
        return np.stack(columns, -1), training / float(np.median(seconds)), np.array(qualities)

    def _quality(self, request: ForgetRequest, after: SharedData, forgotten: Forgotten) -> tuple[float, float, float]:
        affected = torch.zeros_like(self.data.subject_keys, dtype=torch.bool)
        affected[request.pairs.subjects] = True
        found = self.population.quality(forgotten.model, after, forgotten.cohort, ~affected)
        if request.of_leavers:
            return found.recall, found.ndcg, np.nan
        return (
            found.recall,
            found.ndcg,
            self.population.quality(forgotten.model, after, forgotten.cohort, affected).ndcg,
        )

    def _task(self, request: ForgetRequest, target: Trained, calibration: Calibration) -> ForgetTask:
        def cohort(config: FedShareConfig, replicas: Replicas, gone: Deleted):
            return self.population.cohort(config, replicas, gone or [request.deleted], target)

        staying = request.pairs.where(~request.leaves[request.pairs.subjects])

        return ForgetTask(
            model=target.model,
            course=Course.single([self.data], [target.model.seed], target.model.config.rounds),
            unshared=staying if request.kind == "unshare" else NOTHING.to(self._device),
            deleted=staying if request.kind == "erase" else NOTHING.to(self._device),
            erased=request.leaves,
            calibration=calibration,
            make_cohort=cohort,
            start_devices=self.population.start_devices(request.deleted),
        )

    def _row(
        self,
        request: ForgetRequest,
        name: str,
        scores: Scores,
        after: Floats,
        against: tuple[Floats, Floats] | None,
        speed: float | None,
    ) -> dict[str, Any]:
        outcome, other = (attack(scores.read(way), after[way]) for way in (0, 1))
        return self._exact_row(request, name, _utility(*against) if against else {}, speed) | {
            "AUC [95 %]": _text(outcome.auc),
            "AUC, any items": _text(other.auc),
            "TPR@1%": f"{outcome.tpr.estimate:.3f}",
            "ρ [90 %]": _text(outcome.influence),
            "hidden": "yes" if outcome.indistinguishable() and other.unrecognised() else "NO",
            "auc": vars(outcome.auc),
            "tpr": vars(outcome.tpr),
            "influence": vars(outcome.influence),
            "any items": {"auc": vars(other.auc), "tpr": vars(other.tpr)},
            "ratios": outcome.ratios,
            "pairs": len(scores.subjects),
        }

    def _exact_row(
        self, request: ForgetRequest, name: str, utility: dict[str, str], speed: float | None
    ) -> dict[str, Any]:
        """Of what there is nothing to attack in: it never learned the data."""
        target = _TIME_TARGETS[request.size]
        return {
            "dataset": self.name,
            "request": request.size,
            "kind": request.kind,
            "strategy": name,
            "AUC [95 %]": "",
            "AUC, any items": "",
            "TPR@1%": "",
            "ρ [90 %]": "",
            "hidden": "exact",
            "recall": utility.get("recall", ""),
            "NDCG": utility.get("NDCG", ""),
            "gap": utility.get("gap", ""),
            "1/time": in_words(speed, target) if speed else "",
            "speed": speed,
            "time target": target,
        }


def _utility(mine: Floats, retrained: Floats) -> dict[str, str]:
    """Means over the targets: recall and NDCG of the unaffected as a part of the retrained models', and by how much
    wider the gap to the affected is than theirs, with its 95 % interval (t, paired by target).
    """
    recall, ndcg = mine.mean(0)[:2] / retrained.mean(0)[:2]
    found = {"recall": f"{recall:.3f}", "NDCG": f"{ndcg:.3f}"}
    wider = (mine[:, 1] - mine[:, 2]) - (retrained[:, 1] - retrained[:, 2])
    if np.isfinite(wider).all() and len(wider) > 1:
        half = stats.t.ppf(0.975, len(wider) - 1) * wider.std(ddof=1) / len(wider) ** 0.5
        found["gap"] = f"{wider.mean():+.4f} ± {half:.4f}"
    return found


def _joined(parts: list[Scores]) -> Scores:
    """One after the other, along the pairs."""
    subjects = np.concatenate([part.subjects for part in parts])
    margins = (np.concatenate([getattr(part, name) for part in parts], 1) for name in _MARGINS)
    return Scores(subjects, *margins)


def _text(interval: Any) -> str:
    return f"{interval.estimate:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def main() -> None:
    """Run it."""
    parser = report.options(__doc__)
    parser.add_argument("--dataset", action="append", choices=list(CONFIGS), help="default: all")
    names_of_sizes = ", ".join(field.name for field in fields(Sizes))
    parser.add_argument("--only", action="append", choices=_SIZES, help="size of request; default: all")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=N", help=f"one of {names_of_sizes}")
    parser.add_argument("--without", action="append", default=[], metavar="STRATEGY", help="leave a slow one out")
    chosen = parser.parse_args()
    names = chosen.dataset or (["ml-100k"] if chosen.quick else list(CONFIGS))
    sizes = Sizes(2, 4, 2, interactions=8, subjects=4, leavers=4) if chosen.quick else Sizes()
    try:
        sizes = replace(sizes, **{name: int(count) for name, _, count in (text.partition("=") for text in chosen.set)})
    except (TypeError, ValueError):
        parser.error(f"--set: give NAME=N with a name of {names_of_sizes}")
    rows: list[dict[str, Any]] = []
    kept: dict[str, dict[str, int]] = {}
    rehearsed: dict[str, dict[str, float]] = {}
    with Bars() as progress:
        for name in names:
            try:
                bench = Bench(name, sizes, chosen.device, chosen.without, progress)
            except datasets.DatasetAbsent as absent:
                progress.console.print(f"{name} skipped: {absent}")
                continue
            kept[name] = bench.kept_bytes()
            rehearsed[name] = bench.rehearsals()
            for found in bench.run(chosen.only or _SIZES):
                report.show(name, found, COLUMNS)
                rows += found
                # The rest may take an hour more; what is measured is kept.
                content = {
                    "code": code_digest(),
                    "device": report.name_of(chosen.device),
                    "sizes": vars(sizes),
                    "bytes": kept,
                    "rehearsals": rehearsed,
                    "rows": rows,
                }
                report.write(chosen.json, content)


if __name__ == "__main__":
    main()
