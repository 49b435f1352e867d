"""How far margins must fall, predicted from what a model shows."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from models_engine.fedshare.unlearning.features import SubjectFeatures

_RIDGE = 3.0
"""In units of one actor."""
_FOLDS = 8
_LEAST_EXPLAINED = 0.25
"""Predictions that tell less of the variance are not stretched: it would be noise."""
_OUTER = 0.002
"""Share of the actors at either end beyond whom a feature counts as theirs."""


@dataclass(frozen=True)
class FallRegression:
    """A linear prediction from features, by ridge regression over the actors of a rehearsal."""

    intercept: float
    weights: tuple[float, ...]
    low: tuple[float, ...]
    """of each feature: what is below counts as this."""
    high: tuple[float, ...]
    explained: float = 0.0
    """Share of the falls' variance that is predicted, unstretched, of those left out of the fit; may be negative."""

    @classmethod
    def fitted(
        cls, values: Tensor, falls: Tensor, counts: Tensor | None = None, *, stretched: bool
    ) -> "FallRegression":
        """By ridge regression on standardised features, cross-validated.

        Args:
            values: [actors, features].
            falls: [actors], by how much the margin of each lies above that of a model that never had it.
            counts: [actors], how many pairs each stands for; None for one each.
            stretched: whether predictions shall vary as much as the falls do. A regression shrinks them towards the
                mean, so that who had stood out most would go on standing out.
        """
        counts = torch.ones_like(falls) if counts is None else counts
        values, falls, counts = values.double(), falls.double(), counts.double()
        fold = torch.arange(len(falls), device=falls.device) % _FOLDS
        away = falls - _mean(falls, counts)
        left = away.clone()
        for number in range(min(_FOLDS, len(falls)) if len(falls) > 1 else 0):
            out = fold == number
            left[out] = falls[out] - _ridge(values[~out], falls[~out], counts[~out])(values[out])
        varies, missed = (float(_mean(errors.square(), counts)) for errors in (away, left))
        explained = 1 - missed / varies if varies > 0 else 0.0
        stretch = float(explained > 0)  # else the mean predicts better
        if stretched and explained >= _LEAST_EXPLAINED:
            stretch = explained**-0.5
        return replace(_ridge(values, falls, counts, stretch), explained=explained)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "FallRegression":
        """What `dataclasses.asdict` made of one."""
        tuples = {name: tuple(stored[name]) for name in ("weights", "low", "high")}
        return cls(stored["intercept"], **tuples, explained=stored["explained"])

    def __call__(self, values: Tensor) -> Tensor:
        """By how much margins must fall, [actors], from features [actors, features]."""
        weights, low, high = (values.new_tensor(part) for part in (self.weights, self.low, self.high))
        return values.clamp(low, high) @ weights + self.intercept


@dataclass(frozen=True)
class SubjectFall:
    """How far the margins of who withdraws everything must fall: on average, and each pair's."""

    mean: FallRegression
    """Of all pairs of a subject."""
    departures: FallRegression
    """By how much each pair's fall departs from that mean."""

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "SubjectFall":
        """What `dataclasses.asdict` made of one."""
        return cls(**{name: FallRegression.from_json(stored[name]) for name in ("mean", "departures")})

    def __call__(self, seen: SubjectFeatures, may_rise: bool) -> Tensor:
        """By how much margins must fall, [pairs].

        Args:
            may_rise: whether those of a subject may rise on average.
        """
        means, departures = self.mean(seen.of_subjects), self.departures(seen.values)
        means = means if may_rise else means.clamp(min=0)
        return (means - seen.mean(departures))[seen.subject] + departures


def _ridge(values: Tensor, falls: Tensor, counts: Tensor, stretch: float = 1.0) -> FallRegression:
    bounds = torch.tensor([_OUTER, 1 - _OUTER], dtype=values.dtype, device=values.device)
    low, high = torch.quantile(values, bounds, dim=0)
    clipped = values.clamp(low, high)
    mean, centre = _mean(clipped, counts), _mean(falls, counts)
    spread = _mean((clipped - mean).square(), counts).sqrt().clamp(min=1e-12)
    standard, share = (clipped - mean) / spread, counts / counts.mean()
    penalty = _RIDGE * torch.eye(values.shape[1], dtype=values.dtype, device=values.device)
    products, shown = standard.T @ (share[:, None] * standard), standard.T @ (share * (falls - centre))
    weights = torch.linalg.solve(products + penalty, shown) * stretch / spread
    intercept = float(centre - weights @ mean)
    return FallRegression(intercept, tuple(weights.tolist()), tuple(low.tolist()), tuple(high.tolist()))


def _mean(values: Tensor, counts: Tensor) -> Tensor:
    return counts @ values / counts.sum()
