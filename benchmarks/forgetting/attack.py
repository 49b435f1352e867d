"""The per-example likelihood-ratio attack on forgotten pairs, against models that never had them."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from audits.verification.statistics.intervals import Interval
from audits.verification.statistics.roc import clustered_auc, tpr_at_fpr
from benchmarks.forgetting.requests import ForgetRequest
from models_engine.evaluation.margins import fold_in_margins, matched_items, pair_margins
from models_engine.fedshare import keyed
from models_engine.fedshare.data import Edges, SharedData, rows_of
from models_engine.fedshare.model import Model

Floats = NDArray[np.float64]
_CONTRAST_ITEMS = 60
_DRAWS = 1000
_ANYTHING = keyed.stream("anything")

BARS = (0.47, 0.53)
"""Between which the AUC must lie."""
_SEED = 20261124


class Scorer:
    """What an attacker who holds the model reads off it for a request's pairs."""

    def __init__(self, request: ForgetRequest, data: SharedData):
        self._request, self._subject_keys = request, data.subject_keys
        popularity = data.item_popularity()
        touched = data.edges.where(torch.isin(data.edges.subjects, request.pairs.subjects))
        # In a drawn order, the items nearest to one are any items.
        anything = keyed.uniform(data.item_keys, _ANYTHING).argsort().argsort()
        self._contrasts = [
            matched_items(request.pairs, touched, order, _CONTRAST_ITEMS) for order in (popularity, anything)
        ]

    def __call__(self, model: Model, data: SharedData) -> Floats:
        """Margins over items of like popularity and over any items, [2, pairs]: over the views of the graph in `data`,
        or by fold-in from the item table.
        """
        pairs = self._request.pairs
        if self._request.looked_for_in_items:
            margins = [fold_in_margins(model.items, pairs, contrast) for contrast in self._contrasts]
        else:
            here = Edges(rows_of(self._subject_keys[pairs.subjects], model.subject_keys), pairs.items)
            views = model.views(data)
            margins = [pair_margins(*views, here, contrast) for contrast in self._contrasts]
        return torch.stack(margins).double().cpu().numpy()


@dataclass(frozen=True)
class Scores:
    """Margins of one group of requests, over all of their pairs, read in two ways."""

    subjects: NDArray[np.int64]
    """Of each pair: the clusters."""
    before: Floats
    """[2, pairs, targets], the targets as they were."""
    knew: Floats
    """[2, pairs, models], others that learned the pairs, without the edges in their graph."""
    never: Floats
    """[2, pairs, models], shadow models that never had them."""
    held_out: Floats
    """[2, pairs, models], more of these, for the attack to be held against."""

    def read(self, way: int) -> "Scores":
        """By one of the two ways, the arrays [pairs, models]."""
        return Scores(self.subjects, self.before[way], self.knew[way], self.never[way], self.held_out[way])


@dataclass(frozen=True)
class Outcome:
    """How a way of forgetting did under attack."""

    auc: Interval
    tpr: Interval
    """At 1 % false positives."""
    influence: Interval
    """ρ, 90 %."""
    ratios: tuple[list[float], list[float]]
    """Quantiles of Λ over pairs and models, 1 % to 99 %: of those that have forgotten, of those that never had them."""

    def indistinguishable(self) -> bool:
        """The bars of the interim claim."""
        return self.unrecognised() and self.influence.inside(-0.2, 0.2)

    def unrecognised(self) -> bool:
        """Those of them that are the attacker's: AUC and TPR."""
        inside = BARS[0] <= self.auc.estimate <= BARS[1] and self.auc.low >= 0.45 and self.auc.high <= 0.55
        return inside and self.tpr.estimate <= 0.02


def attack(scores: Scores, after: Floats) -> Outcome:
    """Attack models that have forgotten.

    Args:
        scores: read in one way.
        after: [pairs, targets].
    """
    ratio = _likelihood_ratio(scores)
    positives, negatives = ratio(after), ratio(scores.held_out)
    auc = clustered_auc(positives, negatives, scores.subjects, seed=_SEED)
    levels = np.linspace(0.01, 0.99, 99)
    spread = np.quantile(positives, levels).round(4).tolist(), np.quantile(negatives, levels).round(4).tolist()
    return Outcome(auc, tpr_at_fpr(positives.ravel(), negatives.ravel(), 0.01), _influence(scores, after), spread)


def _likelihood_ratio(scores: Scores):
    """Λ = log N(s; μ_in, σ_in) - log N(s; μ_out, σ_out), means by pair, variances pooled (LiRA's fixed variance)."""
    (mean_in, sd_in), (mean_out, sd_out) = (_normal(scores.knew), _normal(scores.never))

    def ratio(margins: Floats) -> Floats:
        z_in, z_out = (margins - mean_in) / sd_in, (margins - mean_out) / sd_out
        return (z_out**2 - z_in**2) / 2 + np.log(sd_out / sd_in)

    return ratio


def _normal(margins: Floats) -> tuple[Floats, float]:
    return margins.mean(1, keepdims=True), float(np.sqrt(margins.var(1, ddof=1).mean()))


def _influence(scores: Scores, after: Floats) -> Interval:
    """ρ with a bootstrap over subjects, targets and models that never knew."""
    never = np.concatenate([scores.never, scores.held_out], 1)
    generator = np.random.default_rng(_SEED)
    labels, cluster = np.unique(scores.subjects, return_inverse=True)
    values = []
    for draw in range(_DRAWS + 1):
        if draw == 0:  # the estimate itself
            weights, targets, others = np.ones(len(cluster)), slice(None), slice(None)
        else:
            weights = np.bincount(generator.integers(len(labels), size=len(labels)), minlength=len(labels))[cluster]
            targets = generator.integers(after.shape[1], size=after.shape[1])
            others = generator.integers(never.shape[1], size=never.shape[1])
        weights = weights / weights.sum()
        level, known, unknown = (
            float(weights @ part.mean(1)) for part in (after[:, targets], scores.before[:, targets], never[:, others])
        )
        values.append((level - unknown) / (known - unknown))
    low, high = np.quantile(values[1:], [0.05, 0.95])
    return Interval(values[0], float(low), float(high), 0.9)
