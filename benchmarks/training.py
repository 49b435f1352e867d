"""How fast learning is: a step against its sparse products, and time to a quality against plain training.

`python -m benchmarks.training [--quick] [--device cuda] [--json FILE]`

The baseline trains LightGCN as its public PyTorch code does, written anew: uniform triples in batches of
2,048, for each batch one propagation of everything over a COO adjacency, autograd, Adam at 0.001 with its
weight decay of 0.0001 on the batch's own rows. It runs for a fixed time; what is compared is the time
that FedShare's engine takes to the NDCG@20 which the baseline had reached at the end of it, both as LightGCN.

A step's sparse products are those over the shared graph, there and back, and those of the cohort over its pairs.
On a GPU a fleet is held against one model, and a step against the time in which the memory could move what its
products gather: a row for every entry.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from benchmarks import datasets, report
from benchmarks.configs import CONFIGS, LIGHTGCN
from benchmarks.datasets import Dataset
from benchmarks.devices import Population
from benchmarks.report import Figure, now
from models_engine.evaluation.ranking import ranking_quality
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server
from models_engine.fedshare.views import propagate

_BATCH, _LAYERS, _WIDTH, _DECAY = 2048, 2, 64, 1e-4
_ROUNDS_BETWEEN_LOOKS = 10
_FLEET = 32


class PlainLightGCN:
    """The baseline."""

    def __init__(self, dataset: Dataset):
        torch.manual_seed(1)
        self._dataset, n, m = dataset, len(dataset.subject_keys), len(dataset.item_keys)
        self._n = n
        self._device = dataset.subject_keys.device
        self.rows = torch.nn.Parameter(torch.randn(n + m, _WIDTH, device=self._device) * 0.1)
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
        began = now(self._device)
        while True:
            order = torch.randperm(len(pairs), device=self._device)
            for batch in order.split(_BATCH):
                self._step(pairs.subjects[batch], pairs.items[batch])
                batches += 1
                if (spent := now(self._device) - began) >= seconds:
                    return spent, batches * _BATCH / len(pairs)

    def _step(self, subjects: Tensor, items: Tensor) -> None:
        negatives = torch.randint(len(self._dataset.item_keys), (len(items),), device=self._device)
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
    device = replicas.device
    began = now(device)
    server, cohort = Server(config, replicas), Population(dataset, config).cohort(config, replicas)
    looking, found, round_number = 0.0, 0.0, 0
    while found < target and now(device) - began - looking < patience:
        for _ in range(_ROUNDS_BETWEEN_LOOKS):
            server.learn(round_number, cohort)
            round_number += 1
        looked = now(device)
        views = propagate(server.graph, server.subjects, server.items, config.layers)
        found = ranking_quality(*views, dataset.train, dataset.held_out).ndcg
        looking += now(device) - looked
    return now(device) - began - looking, round_number * config.participation, found


@dataclass(frozen=True)
class Step:
    """What a step of some replicas takes."""

    whole: float
    """Milliseconds."""
    graph: float
    """Milliseconds of the products over the shared graph alone."""
    products: float
    """Milliseconds of these and the cohort's."""
    gathered: int
    """Bytes of rows that all these products gather, one for every entry."""


def step(dataset: Dataset, replicas: int, config: FedShareConfig) -> Step:
    """Take a step of so many replicas apart."""
    worlds = Replicas([dataset.shared(1.0)] * replicas, list(range(replicas)))
    server, cohort = Server(config, worlds), Population(dataset, config).cohort(config, worlds)
    whole = _median(lambda number: server.learn(number, cohort), worlds.device)

    def over_graph(_: int) -> None:
        for _ in range(2):  # there and back
            propagate(server.graph, server.subjects, server.items, config.layers)

    samples = cohort._held.sample(0, cohort._drawn(0))
    users, values = server.subjects[samples.members], torch.ones(samples.positives.entries, device=worlds.device)

    def over_pairs(_: int) -> None:
        for pattern in (samples.positives, samples.negatives):
            pattern.inner_products(users, server.items)
            pattern.matrix(values) @ server.items
            pattern.transposed(values) @ users
        if config.local_view:  # what the devices' own items sum up to, and back
            samples.positives.matrix(values) @ server.items
            samples.positives.transposed(values) @ users

    graph = _median(over_graph, worlds.device)
    entries = 4 * config.layers * len(worlds.edges) + (8 if config.local_view else 6) * samples.positives.entries
    return Step(whole, graph, graph + _median(over_pairs, worlds.device), entries * config.width * 4)


def _median(run: Callable[[int], object], device: torch.device, times: int = 15) -> float:
    """Milliseconds, after three runs to warm up."""
    taken = []
    for number in range(times + 3):
        began = now(device)
        run(number)
        taken.append(now(device) - began)
    return float(torch.tensor(taken[3:]).median()) * 1000


def main() -> None:
    """Run it."""
    parser = report.options(__doc__)
    parser.add_argument("--seconds", type=float, default=240, help="how long the baseline trains")
    chosen = parser.parse_args()
    figures = []
    for name in ["ml-100k"] if chosen.quick else ["ml-100k", "ml-1m", "gowalla"]:
        try:
            dataset = datasets.load(name).to(chosen.device)
        except datasets.DatasetAbsent as absent:
            print(f"{name} skipped: {absent}")
            continue
        figures += _compare(name, dataset, 10 if chosen.quick else chosen.seconds)
        if chosen.device.type == "cuda":
            figures += _fleet(name, dataset, CONFIGS[name])
    for count in (1, 16):
        taken = step(datasets.load("ml-100k").to(chosen.device), count, CONFIGS["ml-100k"])
        what = f"ml-100k: a step of {count} replica{'s' * (count > 1)}"
        ratio = taken.whole / taken.products
        figures += [
            Figure(
                f"{what} over its sparse products ({taken.products:.1f} ms)",
                f"{taken.whole:.1f} ms, {ratio:.1f} times",
                "≤ 2 times",
                ratio <= 2,
            ),
            Figure(f"{what} over its graph's alone ({taken.graph:.1f} ms)", f"{taken.whole / taken.graph:.1f} times"),
        ]
    report.show_figures(f"Training, {report.name_of(chosen.device)}", figures)
    device = report.name_of(chosen.device)
    report.write(chosen.json, {"device": device, "figures": [vars(figure) for figure in figures]})


def _fleet(name: str, dataset: Dataset, config: FedShareConfig) -> list[Figure]:
    """On a GPU: 32 models against one, and both against the memory's speed."""
    one, many = (step(dataset, count, config) for count in (1, _FLEET))
    ratio, speed = many.whole / one.whole, _bytes_per_millisecond(dataset.subject_keys.device)
    return [
        Figure(
            f"{name}: a step of {_FLEET} models over one of one ({one.whole:.1f} ms)",
            f"{many.whole:.1f} ms, {ratio:.1f} times",
            "≤ 4 times",
            ratio <= 4,
        ),
        *(
            Figure(
                f"{name}: memory could move what a step of {count} gathers in {taken.gathered / speed:.2f} ms, "
                f"its products take {taken.products:.2f} ms",
                f"{taken.gathered / speed / taken.whole:.0%} of the step",
            )
            for count, taken in ((1, one), (_FLEET, many))
        ),
    ]


def _bytes_per_millisecond(device: torch.device) -> float:
    """Of a copy of 2 GB on the device, read and written bytes counted."""
    source = torch.empty(2**29, device=device).normal_()
    target = torch.empty_like(source)
    return 2 * source.nbytes / _median(lambda _: target.copy_(source), device)


def _compare(name: str, dataset: Dataset, seconds: float) -> list[Figure]:
    plain = PlainLightGCN(dataset)
    spent, epochs = plain.epochs(seconds)
    with torch.no_grad():
        reached = ranking_quality(*plain.views(), dataset.train, dataset.held_out).ndcg
    config = LIGHTGCN[name]
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
