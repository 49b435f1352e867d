"""The operating curve: `python -m benchmarks.verdicts [--quick] [--dataset NAME ...] [--keep FOLDER] [--json FILE]`."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress

from audits.verification.plan import LEVELS, AssuranceLevel
from audits.verification.statistics.intervals import clopper_pearson
from audits.verification.verdict import Verdict
from benchmarks import datasets, report
from benchmarks.configs import CONFIGS
from benchmarks.report import Figure
from benchmarks.verdicts.cost import cost
from benchmarks.verdicts.curve import PARTS, Curve, Draw, counts
from benchmarks.verdicts.pool import Tables, Withdrawal, a_tenth, batch_of_leavers, everything, train
from models_engine.fedshare.data import Edges, SharedData

_DATASETS = ("ml-100k", "online-retail")
_SIZES = ("one", "tenth")
_COLUMNS = ["withdrawal", "level", "left", "audits", "removed", "residual", "over", "inconclusive", "not testable", "ρ"]
_SHORT = {
    Verdict.REMOVED_WITHIN_MARGIN: "removed",
    Verdict.RESIDUAL_INFLUENCE: "residual",
    Verdict.OVER_FORGOTTEN: "over",
    Verdict.INCONCLUSIVE: "inconclusive",
    Verdict.NOT_TESTABLE: "not testable",
}


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    leavers: int = 20
    """Subjects in a batch; each is audited alone."""
    batches: dict[str, int] = field(default_factory=dict)
    """Of leavers, by dataset; one where it isn't named."""
    audits: dict[str, int] = field(default_factory=dict)
    """Of single subjects, by level; a level that isn't named is left out."""
    audits_of_a_tenth: dict[str, int] = field(default_factory=dict)
    scale: float = 1.0
    """Of the levels' numbers of models."""


_LONG = Sizes(
    batches={"ml-100k": 2},
    audits={"quick": 100, "standard": 200, "full": 20},
    audits_of_a_tenth={"quick": 20, "standard": 100},
)
_QUICK = Sizes(leavers=4, audits={"quick": 4, "standard": 4, "full": 4}, audits_of_a_tenth={"standard": 2}, scale=1 / 8)


class Bench:
    """One dataset."""

    def __init__(self, name: str, sizes: Sizes, keep: Path | None, device: torch.device, progress: Progress):
        self._dataset, self._name, self._sizes, self._keep = datasets.load(name), name, sizes, keep
        self._population, self._data = everything(self._dataset, CONFIGS[name], device)
        self._progress, self._bar = progress, progress.add_task(name)
        self._levels = {level.name: _scaled(level, sizes.scale) for level in LEVELS.values()}
        self._known: list[Tables] = []

    def run(self, of_size: Collection[str]) -> Iterator[list[dict[str, Any]]]:
        """Rows of one withdrawal after the other, at every level; `of_size` as in `_SIZES`."""
        sizes = self._sizes
        if "one" in of_size:
            withdrawals = [
                batch_of_leavers(self._dataset, self._data, number, sizes.leavers)
                for number in range(sizes.batches.get(self._name, 1))
            ]
            yield self._audited(withdrawals, sizes.audits)
        for kind in ("erase", "unshare") if "tenth" in of_size else ():
            yield self._audited([a_tenth(self._dataset, self._data, kind)], sizes.audits_of_a_tenth)

    def _audited(self, withdrawals: Sequence[Withdrawal], audits: dict[str, int]) -> list[dict[str, Any]]:
        seeds = list(range(max(self._levels[name].trainings for name in audits) + 8))
        self._known += self._trained("everything", self._data, None, seeds[len(self._known) :])
        curves = [
            Curve(w, self._known[: len(seeds)], self._trained(f"without, {w.name} {place}", w.after, w.deleted, seeds))
            for place, w in enumerate(withdrawals)
        ]
        rows = []
        for name, count in audits.items():
            draws = []
            for place, curve in enumerate(curves):
                self._say(f"{withdrawals[place].name}, {name}", count // len(curves))
                draws += curve.draws(self._levels[name], count // len(curves), PARTS, self._step)
            rows += [self._row(withdrawals[0].name, name, part, draws) for part in PARTS]
        return rows

    def _trained(self, what: str, world: SharedData, deleted: Edges | None, seeds: Sequence[int]) -> list[Tables]:
        if not seeds:
            return []
        file = self._keep and self._keep / f"{self._name}, {what}, {seeds[0]} to {seeds[-1]}.pt"
        if file and file.exists():
            return [Tables(**tables) for tables in torch.load(file)]
        self._say(f"train {what}", len(seeds))
        trained = train(self._population, world, deleted, seeds, self._step)
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.save([vars(tables) for tables in trained], file)
        return trained

    def _row(self, withdrawal: str, level: str, part: float, draws: Sequence[Draw]) -> dict[str, Any]:
        found, count = counts(draws, part), len(draws)
        powered = [draw for draw in draws if draw.powered]
        rhos = torch.tensor([draw.influence[part] for draw in draws], dtype=torch.float64)
        return {
            "dataset": self._name,
            "withdrawal": withdrawal,
            "level": level,
            "left": f"{part:+.0%}" if part else "0 %",
            "audits": count,
            **{_SHORT[Verdict(verdict)]: number for verdict, number in found.items()},
            "ρ": f"{rhos.median():+.2f}",
            "part": part,
            "powered": len(powered),
            "removed_where_powered": counts(powered, part)[Verdict.REMOVED_WITHIN_MARGIN],
            "draws": [asdict(draw) for draw in draws] if part == 0 else [],
        }

    def _say(self, what: str, total: int) -> None:
        self._progress.update(self._bar, description=f"{self._name}: {what}", total=total, completed=0)

    def _step(self) -> None:
        self._progress.advance(self._bar)


def _scaled(level: AssuranceLevel, scale: float) -> AssuranceLevel:
    """The level with fewer models, to see that everything runs."""
    few = {
        name: max(4, round(getattr(level, name) * scale)) for name in ("references", "known") if getattr(level, name)
    }
    return level if scale == 1 else replace(level, **few)


def figures(rows: Sequence[dict[str, Any]]) -> list[Figure]:
    """The targets: at the standard level as asked, and whether false claims were made at any level."""
    found = []
    for name in dict.fromkeys((row["dataset"], row["withdrawal"], row["level"]) for row in rows):
        mine = {row["part"]: row for row in rows if (row["dataset"], row["withdrawal"], row["level"]) == name}
        label, exact = ", ".join(name), mine[0.0]
        wrong = exact["residual"] + exact["over"]
        found += [
            _share(
                f"{label}: exact retraining called residual or over-forgotten", wrong, exact["audits"], "≤ 5 %", 0.05
            ),
            Figure(
                f"{label}: exact retraining called removed, where a statistic has the power",
                _text(exact["removed_where_powered"], exact["powered"]),
                "≥ 95 %",
                exact["removed_where_powered"] >= 0.95 * exact["powered"] if exact["powered"] else None,
            ),
            *(
                _share(
                    f"{label}: {part:.0%} left called removed", mine[part]["removed"], mine[part]["audits"], "0", 0.0
                )
                for part in (0.5, 1.0)
            ),
        ]
    return found


def _share(what: str, successes: int, trials: int, target: str, most: float) -> Figure:
    return Figure(what, _text(successes, trials), target, successes <= most * trials)


def _text(successes: int, trials: int) -> str:
    """A share with its exact 95 % interval."""
    if trials == 0:
        return "none of the audits"
    interval = clopper_pearson(successes, trials)
    return f"{successes} of {trials}: {interval.estimate:.1%} [{interval.low:.1%}, {interval.high:.1%}]"


def main() -> None:
    """Run it."""
    parser = report.options(__doc__)
    parser.add_argument("--dataset", action="append", choices=list(_DATASETS), help="default: all")
    parser.add_argument("--size", action="append", choices=list(_SIZES), help="of the withdrawals; default: all")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the trained models, to audit them again")
    parser.add_argument("--no-cost", action="store_true", help="leave out the cost of an audit")
    chosen = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with Progress() as progress:
        for name in chosen.dataset or (_DATASETS[:1] if chosen.quick else _DATASETS):
            try:
                bench = Bench(name, _QUICK if chosen.quick else _LONG, chosen.keep, chosen.device, progress)
            except datasets.DatasetAbsent as absent:
                progress.console.print(f"{name} skipped: {absent}")
                continue
            for found in bench.run(chosen.size or _SIZES):
                report.show(name, found, _COLUMNS)
                rows += found
                # The rest may take an hour more; what is measured is kept.
                _write(chosen.json, rows, figures(rows))
    measured = figures(rows) + ([] if chosen.no_cost else cost(quick=chosen.quick))
    report.show_figures("Verdicts", measured)
    _write(chosen.json, rows, measured)


def _write(path: Path | None, rows: Sequence[dict[str, Any]], measured: Sequence[Figure]) -> None:
    report.write(path, {"rows": rows, "figures": [vars(figure) for figure in measured]})


if __name__ == "__main__":
    main()
