"""How fast learning is: a step against its sparse products, and time to a quality against plain training.

`python -m benchmarks.training [--quick] [--json FILE]`

The baseline trains LightGCN as its public PyTorch code does, written anew: uniform triples in batches of
2,048, for each batch one propagation of everything over a COO adjacency, autograd, Adam at 0.001 with its
weight decay of 0.0001 on the batch's own rows. It runs for a fixed time; what is compared is the time
that FedShare's engine takes to the NDCG@20 which the baseline had reached at the end of it, both as LightGCN.
"""

import time
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks import datasets, report
from benchmarks.configs import LIGHTGCN
from benchmarks.datasets import Dataset
from benchmarks.devices import Population
from benchmarks.report import Figure
from models_engine.evaluation.ranking import ranking_quality
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server
from models_engine.fedshare.views import propagate

_BATCH, _LAYERS, _WIDTH, _DECAY = 2048, 2, 64, 1e-4
_ROUNDS_BETWEEN_LOOKS = 10


class PlainLightGCN:
    """The baseline."""

    def __init__(self, dataset: Dataset):
        torch.manual_seed(1)
        self._dataset, n, m = dataset, len(dataset.subject_keys), len(dataset.item_keys)
        self._n = n
        self.rows = torch.nn.Parameter(torch.randn(n + m, _WIDTH) * 0.1)
        self._optimizer = torch.optim.Adam([self.rows], lr=0.001)
        subjects, items = dataset.train.subjects, dataset.train.items + n
        degree = torch.bincount(torch.cat([subjects, items]), minlength=n + m).float()
        values = torch.rsqrt(degree[subjects] * degree[items]).repeat(2)
        places = torch.stack([torch.cat([subjects, items]), torch.cat([items, subjects])])
        self._adjacency = torch.sparse_coo_tensor(places, values, (n + m, n + m)).coalesce()

    def views(self) -> tuple[Tensor, Tensor]:
        """Of subjects and items."""
        layers = [self.rows]
        for _ in range(_LAYERS):
            layers.append(torch.sparse.mm(self._adjacency, layers[-1]))
        mean = torch.stack(layers).mean(0)
        return mean[: self._n], mean[self._n :]

    def epochs(self, seconds: float) -> tuple[float, float]:
        """Train for a time. Returns the seconds that it took and how many epochs those were."""
        pairs, batches = self._dataset.train, 0
        began = time.perf_counter()
        while True:
            order = torch.randperm(len(pairs))
            for batch in order.split(_BATCH):
                self._step(pairs.subjects[batch], pairs.items[batch])
                batches += 1
                if time.perf_counter() - began >= seconds:
                    return time.perf_counter() - began, batches * _BATCH / len(pairs)

    def _step(self, subjects: Tensor, items: Tensor) -> None:
        negatives = torch.randint(len(self._dataset.item_keys), (len(items),))
        of_subjects, of_items = self.views()
        margin = (of_subjects[subjects] * (of_items[items] - of_items[negatives])).sum(1)
        own = self.rows[torch.cat([subjects, items + self._n, negatives + self._n])]
        loss = functional.softplus(-margin).mean() + _DECAY / 2 * own.pow(2).sum() / len(subjects)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()


def to_quality(dataset: Dataset, config: FedShareConfig, target: float, patience: float) -> tuple[float, float, float]:
    """Train until NDCG@20 reaches the target. Returns seconds, epochs, and the NDCG there; looking isn't counted."""
    replicas = Replicas([dataset.shared(1.0)], [1])
    began = time.perf_counter()
    server, cohort = Server(config, replicas), Population(dataset, config).cohort(config, replicas)
    looking, found, round_number = 0.0, 0.0, 0
    while found < target and time.perf_counter() - began - looking < patience:
        for _ in range(_ROUNDS_BETWEEN_LOOKS):
            server.learn(round_number, cohort)
            round_number += 1
        looked = time.perf_counter()
        views = propagate(server.graph, server.subjects, server.items, config.layers)
        found = ranking_quality(*views, dataset.train, dataset.held_out).ndcg
        looking += time.perf_counter() - looked
    return time.perf_counter() - began - looking, round_number * config.participation, found


def step_against_products(dataset: Dataset, replicas: int, config: FedShareConfig) -> tuple[float, float]:
    """Milliseconds of a whole FedShare step, and of its sparse products over the shared graph alone."""
    worlds = Replicas([dataset.shared(1.0)] * replicas, list(range(replicas)))
    server, cohort = Server(config, worlds), Population(dataset, config).cohort(config, worlds)
    step = _median(lambda number: server.learn(number, cohort))

    def products(_: int) -> None:
        for _ in range(2):  # there and back
            propagate(server.graph, server.subjects, server.items, config.layers)

    return step, _median(products)


def _median(run, times: int = 15) -> float:
    """Milliseconds, after three runs to warm up."""
    taken = []
    for number in range(times + 3):
        began = time.perf_counter()
        run(number)
        taken.append(time.perf_counter() - began)
    return float(torch.tensor(taken[3:]).median()) * 1000


def main() -> None:
    """Run it."""
    parser = report.options(__doc__)
    parser.add_argument("--seconds", type=float, default=240, help="how long the baseline trains")
    chosen = parser.parse_args()
    figures = []
    for name in ["ml-100k"] if chosen.quick else ["ml-100k", "ml-1m", "gowalla"]:
        try:
            dataset = datasets.load(name)
        except datasets.DatasetAbsent as absent:
            print(f"{name} skipped: {absent}")
            continue
        figures += _compare(name, dataset, 10 if chosen.quick else chosen.seconds)
    for count in (1, 16):
        step, products = step_against_products(datasets.load("ml-100k"), count, FedShareConfig())
        ratio = step / products
        what = f"ml-100k: a step of {count} replica{'s' * (count > 1)} over its graph products ({products:.1f} ms)"
        figures.append(Figure(what, f"{step:.1f} ms, {ratio:.1f} times", "≤ 2 times", ratio <= 2))
    report.show_figures("Training", figures)
    report.write(chosen.json, {"figures": [vars(figure) for figure in figures]})


def _compare(name: str, dataset: Dataset, seconds: float) -> list[Figure]:
    plain = PlainLightGCN(dataset)
    spent, epochs = plain.epochs(seconds)
    with torch.no_grad():
        reached = ranking_quality(*plain.views(), dataset.train, dataset.held_out).ndcg
    config = LIGHTGCN.get(name) or replace(LIGHTGCN["ml-1m"])
    mine, my_epochs, found = to_quality(dataset, config, reached, patience=seconds)
    return [
        Figure(f"{name}: plain, epochs per second", f"{epochs / spent:.3f}"),
        Figure(f"{name}: FedShare's engine, epochs per second", f"{my_epochs / mine:.3f}"),
        Figure(
            f"{name}: time to NDCG@20 {reached:.4f} (reached {found:.4f}), plain {spent:.0f} s",
            f"{mine:.1f} s, {spent / mine:.1f} times faster",
            "≥ 5 times",
            found >= reached and spent / mine >= 5,
        ),
    ]


if __name__ == "__main__":
    main()
