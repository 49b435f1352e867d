"""The amplitudes of pushes that are looked for pair by pair and subject by subject.

Who withdraws everything is looked at in requests of every size: its margins, by fold-in, must fall as far as they
would if it withdrew alone. A pull has done a part of that; the push of all such subjects at once does the rest. An
amplitude for all of them alike would have to be measured at the size of the request: that of a tenth who leave is too
short for fiftieths (on MovieLens-100K, ten to twenty of 943 subjects kept 0.11 to 0.19 of their influence, and 0.05 to
-0.02 when looked at).

In a small request so are the pairs of others. Of c pairs out of d that a subject shares, with
p = (c - 1) / (d - 1): (1 - p) · that of a pair as if it alone were withdrawn + p · that of all of a subject's pairs.
"""

from dataclasses import replace

import torch
from torch import Tensor

from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.unlearning.features import (
    CONTRAST_ITEMS,
    Features,
    contrasted,
    pair_features,
    subject_features,
)
from models_engine.fedshare.unlearning.push import Induced, Rows
from models_engine.fedshare.unlearning.regression import FallRegression

LEAST_GIVING_WAY = 0.05
"""Standard deviations by which a push of amplitude 1 lowers a margin, at least, for the margin to be aimed at."""
FARTHEST = 16.0
"""No amplitude is larger."""
_CORRECTION = 0.1, 2.0
"""Bounds of the factor by which an amplitude is corrected for how far it went."""
_LOOKED_AT = 4
"""Of a subject's pairs at most; the others get the mean of their amplitudes."""


def whole_amplitudes(
    model: Model,
    before: SharedData,
    induced: Induced,
    pairs: Edges,
    pulled: Rows | None,
    fall: FallRegression,
    usual: float,
    may_rise: bool,
) -> Tensor:
    """On the items of subjects who withdraw everything; [pairs].

    Args:
        pulled: the rows after a pull; None without one.
        usual: the amplitude of the pairs of who keeps something, and of who can't be looked at.
        may_rise: whether a model that never had the pairs may score them higher, since devices go on learning.
    """
    degree, count = _held(before, pairs)
    amplitudes = torch.full_like(degree, usual, dtype=model.items.dtype)
    # A pair without another has no fold-in.
    looked_at = (count == degree) & (degree > 1) & _can_be_contrasted(before, degree)
    if looked_at.any():
        chosen = pairs.where(looked_at)
        _, group = torch.unique(chosen.subjects, return_inverse=True)
        contrast = contrasted(chosen, before)
        seen = subject_features(model, before, induced, chosen, contrast)
        falls = _wanted(fall(seen.values), may_rise)
        if pulled is not None:
            now = subject_features(replace(model, items=pulled.items), before, induced, chosen, contrast)
            falls, seen = _wanted(falls - (seen.level - now.level), may_rise), now
        reaching, gives_way = _reaching(seen, falls)
        amplitudes[looked_at] = torch.where(gives_way, reaching, usual)[group]
    return amplitudes


class PairAmplitudes:
    """The pairs of subjects who stay in a small request, and the amplitudes as if each were withdrawn alone."""

    def __init__(
        self,
        model: Model,
        before: SharedData,
        induced: Induced,
        pairs: Edges,
        fall: FallRegression,
        on_items: bool,
        holdings: Tensor,
    ):
        """
        Args:
            on_items: whether the items take the push; else the subjects' rows do.
            holdings: how many pairs each device trained on, [n].
        """
        degree, count = _held(before, pairs)
        self._part = ((count - 1) / (degree - 1).clamp(min=1)).float()
        self._part[(count == degree) | ~_can_be_contrasted(before, degree)] = 1.0
        amplitudes = torch.zeros_like(self._part)
        looked_at = (self._part < 1) & (_occurrence(pairs.subjects) < _LOOKED_AT)
        if looked_at.any():
            chosen = pairs.where(looked_at)
            seen = pair_features(model, before, induced, chosen, contrasted(chosen, before), holdings, on_items)
            # Only where devices go on learning from a pair may a model that never had it stand higher.
            reaching, gives_way = _reaching(seen, _wanted(fall(seen.values), may_rise=not on_items))
            found = torch.zeros_like(looked_at)
            found[looked_at] = gives_way
            amplitudes[found] = reaching[gives_way]
            sums, counted = (
                torch.zeros_like(before.subject_keys, dtype=values.dtype).index_add_(0, pairs.subjects[found], values)
                for values in (amplitudes[found], found[found].float())
            )
            amplitudes = torch.where(found, amplitudes, (sums / counted.clamp(min=1))[pairs.subjects])
            self._part[(counted == 0)[pairs.subjects]] = 1.0
        nothing = torch.zeros_like(amplitudes)
        self._items, self._rows = (amplitudes, nothing) if on_items else (nothing, amplitudes)

    def with_all(self, items: Tensor | float, rows: float) -> tuple[Tensor, Tensor]:
        """Amplitudes of items and of subjects, [pairs] each, given those of all pairs of a subject."""
        return self._towards(items, self._items), self._towards(rows, self._rows)

    def _towards(self, end: Tensor | float, alone: Tensor) -> Tensor:
        return torch.lerp(alone, torch.as_tensor(end, device=alone.device).expand_as(alone), self._part)


def _held(before: SharedData, pairs: Edges) -> tuple[Tensor, Tensor]:
    """How many pairs the subject of each has shared, and how many of those are among these; int64 [pairs] each."""
    degree, count = (
        torch.bincount(edges.subjects, minlength=before.n_subjects)[pairs.subjects] for edges in (before.edges, pairs)
    )
    return degree, count


def _can_be_contrasted(before: SharedData, degree: Tensor) -> Tensor:
    """Bool [pairs]: who has touched nearly every item leaves nothing to hold a pair against."""
    return before.n_items - degree >= CONTRAST_ITEMS


def _wanted(falls: Tensor, may_rise: bool) -> Tensor:
    return falls if may_rise else falls.clamp(min=0)


def _reaching(seen: Features, falls: Tensor) -> tuple[Tensor, Tensor]:
    """The amplitudes by which margins fall as far as they must, by proportion and corrected once, and which margins
    give way to a push at all; [pairs or subjects] each.
    """
    gives_way = seen.gives_way >= LEAST_GIVING_WAY
    amplitudes = torch.where(gives_way, falls / seen.gives_way, 0.0).clamp(-FARTHEST, FARTHEST)
    reached = seen.level - seen.level_after(amplitudes)
    # Where a push has turned the row round, the proportion says nothing: the shortest step is left.
    corrected = amplitudes * (falls / reached).nan_to_num(0.0).clamp(*_CORRECTION)
    return corrected.clamp(-FARTHEST, FARTHEST), gives_way


def _occurrence(values: Tensor) -> Tensor:
    """How many times each value has stood before, int64."""
    order = torch.argsort(values, stable=True)
    ordered = values[order]
    place = torch.arange(len(values), device=values.device)
    occurrence = torch.empty_like(place)
    occurrence[order] = place - torch.searchsorted(ordered, ordered)
    return occurrence
