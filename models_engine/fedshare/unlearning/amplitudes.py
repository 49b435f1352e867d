"""The amplitudes of pushes that are looked for pair by pair and subject by subject.

Who withdraws everything is looked at in requests of every size: its margins, by fold-in, must fall on average as far as
they would if few others withdrew. What a pull, and pushes before this one, have done of that is done; a push of all
such subjects at once does the rest. One amplitude for all of them would have to be measured at the size of the request:
that of a tenth who leave is too short for fiftieths (on MovieLens-100K, ten and twenty of 943 subjects kept 0.19 and
0.11 of their influence, and 0.11 and 0.04 when looked at; on MovieLens-1M, fifty of 6,040 kept 0.23, and -0.07).

In a small request each of its pairs falls as far as it must itself: one amplitude for all leaves those that stood out
most standing out (a subject who left was told at a TPR of 0.022 on Online Retail, of 0.018 on MovieLens-100K; with an
amplitude for each, of 0.019 and 0.015). After a pull pairs are not told apart: of fifty who leave MovieLens-100K at
once, two fifths of the pairs would get none, and others up to five.

The pairs of others are looked at in a small request as well. Of c pairs out of d that a subject shares, with
p = (c - 1) / (d - 1): (1 - p) · that of a pair as if it alone were withdrawn + p · that of all of a subject's pairs.
"""

import torch
from torch import Tensor

from models_engine.evaluation.margins import fold_in_margins
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.unlearning.features import (
    CONTRAST_ITEMS,
    Features,
    contrasted,
    pair_features,
    subject_features,
)
from models_engine.fedshare.unlearning.push import Amplitude, Induced, Rows
from models_engine.fedshare.unlearning.regression import FallRegression, SubjectFall

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
    rows: Rows,
    pairs: Edges,
    fall: SubjectFall,
    usual: Amplitude,
    may_rise: bool,
    each: bool,
) -> Tensor:
    """Amplitudes on the items of some pairs, [pairs]: those by which the margins of each subject who withdraws
    everything fall as far as they must, and the usual ones of others.

    Args:
        model: that shall forget, with what it learned from.
        rows: that will be pushed, after a pull or other pushes.
        pairs: of one fate; who withdraws the rest with another counts as keeping something.
        usual: of the pairs of who keeps something, can't be looked at or doesn't give way.
        may_rise: whether a model that never had the pairs may score them higher, since devices go on learning; then
            what a pull did beyond that is given back, too.
        each: whether every pair falls as far as it must itself, and not only those of a subject on average.
    """
    degree, count = _held(before, pairs)
    amplitudes = torch.zeros_like(degree, dtype=model.items.dtype) + usual
    # A pair without another has no fold-in.
    looked_at = (count == degree) & (degree > 1) & _can_be_contrasted(before, degree)
    if not looked_at.any():
        return amplitudes
    chosen = pairs.where(looked_at)
    contrast = contrasted(chosen, before)
    seen = subject_features(model, before, induced, chosen, contrast)
    now = fold_in_margins(rows.items, chosen, contrast)
    falls = fall(seen, may_rise) - (seen.level - now)
    means = _wanted(seen.mean(falls), may_rise)
    gives_way = ((seen.gives_way_together >= LEAST_GIVING_WAY) | (means == 0))[seen.subject]
    even = _in_proportion(means, seen.gives_way_together)[seen.subject]
    own = torch.zeros_like(even)
    if each:
        # What an even push leaves of each pair's fall, or takes too much.
        missing = falls - (seen.level - seen.level_after(even))
        own = torch.where((seen.gives_way >= LEAST_GIVING_WAY) & (even != 0), missing / seen.gives_way, 0.0)
    usual_of_these = amplitudes[looked_at]

    def with_usual(reaching: Tensor) -> Tensor:
        within = reaching.clamp(-FARTHEST if may_rise else 0.0, FARTHEST)
        return amplitudes.masked_scatter(looked_at, torch.where(gives_way, within, usual_of_these))

    # All at once, since the push of each reaches the margins of the others.
    pushed = rows.items - induced.items(pairs, with_usual(even + own))
    reached = seen.mean(now - fold_in_margins(pushed, chosen, contrast))
    return with_usual(_corrected(even, means[seen.subject], reached[seen.subject]) + own)


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

    def with_all(self, items: float, rows: float) -> tuple[Tensor, Tensor]:
        """Amplitudes of items and of subjects, [pairs] each, given those of all pairs of a subject."""
        ends = (items, self._items), (rows, self._rows)
        of_items, of_rows = (torch.lerp(alone, torch.full_like(alone, end), self._part) for end, alone in ends)
        return of_items, of_rows


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
    """Falls; where nothing may rise, none is negative."""
    return falls if may_rise else falls.clamp(min=0)


def _reaching(seen: Features, falls: Tensor) -> tuple[Tensor, Tensor]:
    """The amplitudes by which margins fall as far as they must, each alone, and which give way at all; [pairs] each."""
    gives_way = seen.gives_way >= LEAST_GIVING_WAY
    amplitudes = torch.where(gives_way, _in_proportion(falls, seen.gives_way), 0.0)
    return _corrected(amplitudes, falls, seen.level - seen.level_after(amplitudes)), gives_way


def _in_proportion(falls: Tensor, gives_way: Tensor) -> Tensor:
    """The amplitudes by which margins would fall so far if they went on giving way like that."""
    return torch.where(falls == 0, 0.0, falls / gives_way).clamp(-FARTHEST, FARTHEST)


def _corrected(amplitudes: Tensor, falls: Tensor, reached: Tensor) -> Tensor:
    """Amplitudes for falls, by how far margins fell with these."""
    # Where a push has turned the row round, or others' raise a margin, the proportion says nothing: the shortest step
    # is left.
    corrected = amplitudes * (falls / reached).nan_to_num(0.0).clamp(*_CORRECTION)
    return corrected.clamp(-FARTHEST, FARTHEST)


def _occurrence(values: Tensor) -> Tensor:
    """How many times each value has stood before, int64."""
    order = torch.argsort(values, stable=True)
    ordered = values[order]
    place = torch.arange(len(values), device=values.device)
    occurrence = torch.empty_like(place)
    occurrence[order] = place - torch.searchsorted(ordered, ordered)
    return occurrence
