"""The amplitudes of a small request's pairs: between those of a pair alone and those of all of a subject's."""

import torch
from torch import Tensor

from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.unlearning.fall import CONTRAST_ITEMS, FallRegression, Features, contrasted, features
from models_engine.fedshare.unlearning.push import Induced
from models_engine.fedshare.unlearning.strategy import Push

_LEAST_GIVING_WAY = 0.05
"""Standard deviations by which a push of amplitude 1 lowers a margin, at least, for the margin to be aimed at."""
_FARTHEST = 16.0
"""No amplitude is larger, as in the rehearsal."""
_CORRECTION = 0.1, 2.0
"""Bounds of the factor by which an amplitude is corrected for how far it went."""
_LOOKED_AT = 4
"""Of a subject's pairs at most; the others get the mean of their amplitudes."""


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
        degree, count = (
            torch.bincount(edges.subjects, minlength=before.n_subjects)[pairs.subjects]
            for edges in (before.edges, pairs)
        )
        self._part = ((count - 1) / (degree - 1).clamp(min=1)).float()
        # Who has touched nearly every item leaves nothing to hold a pair against: as if all were withdrawn.
        self._part[(count == degree) | (before.n_items - degree < CONTRAST_ITEMS)] = 1.0
        amplitudes = torch.zeros_like(self._part)
        looked_at = (self._part < 1) & (_occurrence(pairs.subjects) < _LOOKED_AT)
        if looked_at.any():
            chosen = pairs.where(looked_at)
            seen = features(model, before, induced, chosen, contrasted(chosen, before), holdings)
            reaching, gives_way = _reaching(seen, fall(seen.values), on_items)
            found = torch.zeros_like(looked_at)
            found[looked_at] = gives_way
            amplitudes[found] = reaching[gives_way]
            sums, counted = (
                torch.zeros_like(before.subject_keys, dtype=values.dtype).index_add_(0, pairs.subjects[found], values)
                for values in (amplitudes[found], found[found].float())
            )
            amplitudes = torch.where(found, amplitudes, (sums / counted.clamp(min=1))[pairs.subjects])
            self._part[(counted == 0)[pairs.subjects]] = 1.0
        self._items, self._rows = _sides(amplitudes, on_items)

    def with_all(self, push: Push) -> tuple[Tensor, Tensor]:
        """Amplitudes of items and of subjects, [pairs] each, given those of all pairs of a subject."""
        return self._towards(push.items, self._items), self._towards(push.rows, self._rows)

    def _towards(self, of_all: float, alone: Tensor) -> Tensor:
        return torch.lerp(alone, torch.full_like(alone, of_all), self._part)


def _reaching(seen: Features, falls: Tensor, on_items: bool) -> tuple[Tensor, Tensor]:
    """The amplitudes by which margins fall as far as they must, by proportion and corrected once, and which margins
    give way to a push at all; [pairs] each.
    """
    gives_way = seen.of_items if on_items else seen.of_rows
    # Only where devices go on learning from a pair may a model that never had it stand higher.
    wanted = falls.clamp(min=0) if on_items else falls
    amplitudes = (wanted / gives_way.clamp(min=_LEAST_GIVING_WAY)).clamp(-_FARTHEST, _FARTHEST)
    reached = seen.level - seen.level_after(*_sides(amplitudes, on_items))
    # Where a push has turned the row round, the proportion says nothing: the shortest step is left.
    corrected = amplitudes * (wanted / reached).nan_to_num(0.0).clamp(*_CORRECTION)
    return corrected, gives_way >= _LEAST_GIVING_WAY


def _occurrence(values: Tensor) -> Tensor:
    """How many times each value has stood before, int64."""
    order = torch.argsort(values, stable=True)
    ordered = values[order]
    place = torch.arange(len(values), device=values.device)
    occurrence = torch.empty_like(place)
    occurrence[order] = place - torch.searchsorted(ordered, ordered)
    return occurrence


def _sides(amplitudes: Tensor, on_items: bool) -> tuple[Tensor, Tensor]:
    nothing = torch.zeros_like(amplitudes)
    return (amplitudes, nothing) if on_items else (nothing, amplitudes)
