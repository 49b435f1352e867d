"""How far the margin of a pair must fall that is withdrawn alone.

Models learn some pairs by heart and others hardly at all: what a training without the pair would show lies
below the model by 0.2 standard deviations on average on MovieLens-100K, and varies from pair to pair by as much.
One amplitude for all leaves that variation to an attacker. Seven features, seen in the model and its data, tell
a good part of it beforehand (the benchmark of forgetting says how much): what the edge itself adds to the margin,
how much the margin gives way to a push on the item and on the subject's row, how strongly the pair holds on to
either row, and how many pairs the subject shares and the device trains on. A ridge regression over the actors of
a rehearsal weighs them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from models_engine.evaluation.margins import matched_items, pair_margins, pair_scores
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.unlearning.push import Induced, Rows
from models_engine.fedshare.views import propagate

CONTRAST_ITEMS = 60
"""Untouched items that a pair is held against."""
_PROBE = 0.1
"""Amplitude of the push by which it is tried how far margins give way."""
_RIDGE = 3.0
"""In units of one actor."""
_FOLDS = 8
_OUTER = 0.002
"""Share of the actors at either end beyond whom a feature counts as theirs."""


@dataclass(frozen=True)
class Features:
    """What a model and its data show of some pairs, each withdrawn alone."""

    level: Tensor
    """Margin once the edge is dropped, [pairs]."""
    of_items: Tensor
    """By how much a push on the item lowers it, for each unit of amplitude."""
    of_rows: Tensor
    """The same of a push on the subject's row."""
    values: Tensor
    """The seven, [pairs, 7]."""
    level_after: Callable[[Tensor, Tensor], Tensor]
    """The margins after a push with amplitudes on items and on subjects, [pairs]."""


def features(
    model: Model, data: SharedData, induced: Induced, pairs: Edges, contrast: Tensor, holdings: Tensor
) -> Features:
    """Read them off, of each pair as if no other were withdrawn.

    Args:
        data: what the model learned from.
        contrast: int64 [pairs, count].
        holdings: how many pairs each device trained on, [n]; see `Cohort.holdings`.
    """
    nobody = torch.zeros_like(data.subject_keys, dtype=torch.bool)
    chunks = [(chunk, data.without(pairs.where(chunk), nobody).graph()) for chunk in _apart(pairs)]

    def level_after(items: Tensor, subjects: Tensor) -> Tensor:
        level = torch.empty_like(items)
        for chunk, graph in chunks:
            some = pairs.where(chunk)
            rows = Rows(model.subjects, model.items).pushed(induced, some, items[chunk], subjects[chunk])
            views = propagate(graph, rows.subjects, rows.items, model.config.layers)
            level[chunk] = pair_margins(*views, some, contrast[chunk])
        return level

    subject_views, item_views = model.views(data)
    none = torch.zeros_like(pairs.subjects, dtype=item_views.dtype)
    level = level_after(none, none)
    of_edge = pair_margins(subject_views, item_views, pairs, contrast) - level
    of_items = (level - level_after(none + _PROBE, none)) / _PROBE
    of_rows = (level - level_after(none, none + _PROBE)) / _PROBE
    shared = torch.bincount(data.edges.subjects, minlength=data.n_subjects)[pairs.subjects].float()
    trained = holdings[pairs.subjects].float().clamp(min=1)
    spread = pair_scores(subject_views, item_views, pairs, contrast)[1].std(1).clamp(min=1e-9)
    reach = [
        (item_views[pairs.items], model.subjects[pairs.subjects], trained),
        (subject_views[pairs.subjects], model.items[pairs.items], data.item_popularity()[pairs.items].float()),
    ]
    holds = [view.norm(dim=-1) * row.norm(dim=-1) / (count * spread) for view, row, count in reach]
    # Under the root, since a pair's hold on a row goes down more slowly than their number goes up.
    scarce = torch.stack([*holds, 1 / shared, 1 / trained], 1).sqrt()
    values = torch.cat([torch.stack([of_edge, of_items, of_rows], 1), scarce], 1)
    return Features(level, of_items, of_rows, values, level_after)


def _apart(pairs: Edges) -> list[Tensor]:
    """The pairs in chunks in which no subject and no item stands twice, so that each hardly feels the others; bool
    [pairs] each.
    """
    taken: list[set[tuple[str, int]]] = []
    chunk_of = []
    for subject, item in zip(pairs.subjects.tolist(), pairs.items.tolist(), strict=True):
        ends = {("subject", subject), ("item", item)}
        free = next((number for number, ends_in in enumerate(taken) if not ends & ends_in), len(taken))
        if free == len(taken):
            taken.append(set())
        taken[free] |= ends
        chunk_of.append(free)
    numbers = torch.tensor(chunk_of, device=pairs.subjects.device)
    return [numbers == number for number in range(len(taken))]


def contrasted(pairs: Edges, data: SharedData) -> Tensor:
    """Items to hold some pairs against, int64 [pairs, count].

    Raises:
        ValueError: a subject has touched nearly every item.
    """
    return matched_items(pairs, data.edges, data.item_popularity(), CONTRAST_ITEMS)


@dataclass(frozen=True)
class FallRegression:
    """A linear prediction from the features."""

    intercept: float
    weights: tuple[float, ...]
    low: tuple[float, ...]
    """of each feature: what is below counts as this."""
    high: tuple[float, ...]
    explained: float = 0.0
    """Share of the falls' variance that is predicted of pairs left out of the fit; may be negative."""

    @classmethod
    def fitted(cls, values: Tensor, falls: Tensor) -> "FallRegression":
        """By ridge regression on standardised features, cross-validated.

        Args:
            values: [pairs, features].
            falls: [pairs], by how much the margin of each lies above that of a model that never had it.
        """
        values, falls = values.double(), falls.double()
        fold = torch.arange(len(falls), device=falls.device) % _FOLDS
        left = falls - falls.mean()
        for number in range(min(_FOLDS, len(falls) - 1)):
            out = fold == number
            left[out] = falls[out] - _ridge(values[~out], falls[~out])(values[out])
        explained = 1 - float(left.square().sum() / (falls - falls.mean()).square().sum().clamp(min=1e-12))
        return replace(_ridge(values, falls), explained=explained)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "FallRegression":
        """What `dataclasses.asdict` made of one."""
        tuples = {name: tuple(stored[name]) for name in ("weights", "low", "high")}
        return cls(stored["intercept"], **tuples, explained=stored["explained"])

    def __call__(self, values: Tensor) -> Tensor:
        """By how much margins must fall, [pairs], from features [pairs, features]."""
        weights, low, high = (values.new_tensor(part) for part in (self.weights, self.low, self.high))
        return values.clamp(low, high) @ weights + self.intercept


def _ridge(values: Tensor, falls: Tensor) -> FallRegression:
    bounds = torch.tensor([_OUTER, 1 - _OUTER], dtype=values.dtype, device=values.device)
    low, high = torch.quantile(values, bounds, dim=0)
    clipped = values.clamp(low, high)
    mean, spread = clipped.mean(0), clipped.std(0, correction=0).clamp(min=1e-12)
    standard, centre = (clipped - mean) / spread, falls.mean()
    penalty = _RIDGE * torch.eye(values.shape[1], dtype=values.dtype, device=values.device)
    weights = torch.linalg.solve(standard.T @ standard + penalty, standard.T @ (falls - centre)) / spread
    return FallRegression(float(centre - weights @ mean), _floats(weights), _floats(low), _floats(high))


def _floats(values: Tensor) -> tuple[float, ...]:
    return tuple(values.tolist())
