"""What an audit costs: against one retraining in the plain style, and without the fleet."""

import time

from audits.verification.exposure import read
from audits.verification.plan import QUICK, AuditPlan
from audits.verification.protocol import Audit
from benchmarks import datasets
from benchmarks.configs import CONFIGS
from benchmarks.report import Figure
from benchmarks.training import PlainLightGCN
from benchmarks.verdicts.pool import Tables, batch_of_leavers, everything, train

_EPOCHS = 40
"""Of one plain retraining: enough on MovieLens-100K."""
_REQUESTS = 100


def cost(quick: bool) -> list[Figure]:
    """On MovieLens-100K, for a batch of single subjects at the quick level."""
    dataset = datasets.load("ml-100k")
    spent, epochs = PlainLightGCN(dataset).epochs(3 if quick else 20)
    plain = spent / epochs * _EPOCHS
    population, data = everything(dataset, CONFIGS["ml-100k"])
    batch = batch_of_leavers(dataset, data, 0, 10 if quick else _REQUESTS)

    began = time.perf_counter()
    seeds = list(range(1000, 1000 + QUICK.references))
    without = train(population, batch.after, None, seeds, lambda: None)
    fleet = time.perf_counter() - began
    known, after = (train(population, world, None, [1], lambda: None) for world in (data, batch.after))

    began = time.perf_counter()
    _audit(batch, known, without, after, tuple(seeds))
    statistics = time.perf_counter() - began
    ratio = (fleet + statistics) / plain
    return [
        Figure("ml-100k: one plain retraining, 40 epochs", f"{plain:.0f} s"),
        Figure(
            f"ml-100k: audit of a batch of {len(batch.scenes)}, {QUICK.references} references with their training",
            f"{fleet + statistics:.0f} s, {ratio:.2f} plain retrainings",
            "≤ 4",
            ratio <= 4,
        ),
        Figure(
            f"ml-100k: scoring and statistics of {len(batch.scenes)} requests, without the fleet",
            f"{statistics:.1f} s",
            "≤ 5 s for 100",
            statistics <= 5,
        ),
    ]


def _audit(batch, known: list[Tables], without: list[Tables], after: list[Tables], seeds: tuple[int, ...]) -> None:
    readings = [read(model.exposure(), batch.scenes, batch.statistics) for model in (*known, *without, *after)]
    for place, scene in enumerate(batch.scenes):
        plan = AuditPlan.at(QUICK, batch.statistics, seeds, seed=place)
        (before, *references), candidate = [reading[place] for reading in readings[:-1]], readings[-1][place]
        Audit(plan, plan.digest(), scene, [before], references).check([candidate])
