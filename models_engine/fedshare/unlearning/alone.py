"""The amplitudes of a small request's pairs: between those of a pair alone and those of all of a subject's."""

import torch
from torch import Tensor

from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.unlearning.fall import CONTRAST_ITEMS, Fall, Signs, contrasted, signs
from models_engine.fedshare.unlearning.push import Induced
from models_engine.fedshare.unlearning.strategy import Push

_LEAST_GIVING_WAY = 0.05
"""Standard deviations by which a push of amplitude 1 lowers a margin, at least, for the margin to be aimed at."""
_CORRECTION = 0.1, 2.0
"""Bounds of the factor by which an amplitude is corrected for how far it went."""


class Alone:
    """The pairs of subjects who stay in a small request, and the amplitudes as if each were withdrawn alone."""

    def __init__(
        self,
        model: Model,
        before: SharedData,
        induced: Induced,
        pairs: Edges,
        fall: Fall,
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
        self._part[before.n_items - degree < CONTRAST_ITEMS] = 1.0
        amplitudes = torch.zeros_like(self._part)
        several = self._part < 1
        if several.any():
            chosen = pairs.where(several)
            seen = signs(model, before, induced, chosen, contrasted(chosen, before), holdings)
            amplitudes[several] = _reaching(seen, fall(seen.values), on_items)
        self._items, self._rows = _sides(amplitudes, on_items)

    def with_all(self, push: Push) -> tuple[Tensor, Tensor]:
        """Amplitudes of items and of subjects, [pairs] each, given those of all pairs of a subject."""
        return self._towards(push.items, self._items), self._towards(push.rows, self._rows)

    def _towards(self, of_all: float, alone: Tensor) -> Tensor:
        return torch.lerp(alone, torch.full_like(alone, of_all), self._part)


def _reaching(seen: Signs, wanted: Tensor, on_items: bool) -> Tensor:
    """The amplitudes by which margins fall as far as wanted, [pairs]: by proportion, then corrected once."""
    gives_way = seen.of_items if on_items else seen.of_rows
    amplitudes = wanted / gives_way.clamp(min=_LEAST_GIVING_WAY)
    reached = seen.level - seen.level_after(*_sides(amplitudes, on_items))
    # Where a push has turned the row round, the proportion says nothing: the shortest step is left.
    return amplitudes * (wanted / reached).nan_to_num(0.0).clamp(*_CORRECTION)


def _sides(amplitudes: Tensor, on_items: bool) -> tuple[Tensor, Tensor]:
    nothing = torch.zeros_like(amplitudes)
    return (amplitudes, nothing) if on_items else (nothing, amplitudes)
