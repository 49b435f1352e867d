"""What sharing is worth: recall and NDCG by share ratio. `python -m benchmarks.sharing [--quick] [--json FILE]`."""

from typing import Any

import numpy as np
import torch
from scipy import stats

from benchmarks import datasets, report
from benchmarks.configs import CONFIGS, LIGHTGCN
from benchmarks.devices import Population
from models_engine.evaluation.ranking import RankingQuality
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.replicas import Replicas

_RATIOS = (0.0, 0.2, 0.5, 0.8, 1.0)
_NOBODY = 1e-9
"""Stands for 0 %: the server's graph must have an edge, and this leaves it one or two."""


def measure(dataset: datasets.Dataset, config: FedShareConfig, ratio: float, seeds: int) -> list[RankingQuality]:
    """Quality for every seed."""
    population = Population(dataset, config)
    everybody = torch.ones_like(dataset.subject_keys, dtype=torch.bool)
    data = dataset.shared(ratio if ratio else float(dataset.ranks().min()) + _NOBODY)
    found = []
    for seed, trained in enumerate(population.train([data] * seeds, list(range(seeds)))):
        cohort = population.cohort(config, Replicas([data], [seed]), carried=trained)
        found.append(population.quality(trained.model, data, cohort, everybody))
    return found


def main() -> None:
    """Run it."""
    parser = report.options(__doc__)
    parser.add_argument("--dataset", action="append", choices=list(CONFIGS), help="default: all")
    chosen = parser.parse_args()
    names = chosen.dataset or (["ml-100k"] if chosen.quick else list(CONFIGS))
    seeds, rows = (2 if chosen.quick else 5), []
    for name in names:
        try:
            dataset = datasets.load(name).to(chosen.device)
        except datasets.DatasetAbsent as absent:
            print(f"{name} skipped: {absent}")
            continue
        found = {f"FedShare, {ratio:.0%}": measure(dataset, CONFIGS[name], ratio, seeds) for ratio in _RATIOS}
        found["LightGCN, central"] = measure(dataset, LIGHTGCN[name], 1.0, seeds)
        rows += [_row(name, label, qualities) for label, qualities in found.items()]
        for row, below in zip(rows[-len(found) + 1 : -1], list(found.values())[:-2], strict=True):
            row["no worse"] = "yes" if _no_worse(found[row["model"]], below) else "NO"
        full, central = (list(found.values())[place] for place in (-2, -1))
        rows[-1]["no worse"] = "FedShare is: " + ("yes" if _no_worse(full, central) else "NO")
        report.show(
            f"{name}, {seeds} seeds; the interval is of the mean, 95 %; target: no step up is worse",
            rows[-len(found) :],
            ["model", "recall@20", "NDCG@20", "no worse"],
        )
    report.write(chosen.json, {"seeds": seeds, "rows": rows})


def _row(name: str, label: str, qualities: list[RankingQuality]) -> dict[str, Any]:
    row: dict[str, Any] = {"dataset": name, "model": label}
    for column, values in (("recall@20", [q.recall for q in qualities]), ("NDCG@20", [q.ndcg for q in qualities])):
        half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
        row[column] = f"{np.mean(values):.4f} ± {half:.4f}"
        row[f"{column} by seed"] = values
    return row


def _no_worse(mine: list[RankingQuality], below: list[RankingQuality]) -> bool:
    """Whether the 95 % interval of the paired difference in NDCG reaches zero or lies above."""
    differences = [a.ndcg - b.ndcg for a, b in zip(mine, below, strict=True)]
    half = stats.t.ppf(0.975, len(differences) - 1) * np.std(differences, ddof=1) / len(differences) ** 0.5
    return float(np.mean(differences)) + half >= 0


if __name__ == "__main__":
    main()
