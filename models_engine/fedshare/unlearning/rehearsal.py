"""Measuring, on subjects who stay, how far a push must go.

A tenth of the subjects, drawn by key, play the part of those who withdraw. A *twin* is trained
like the model, from the same seed, without their data. The actors are then forgotten in troupes of
about twenty, as requests come, and the amplitude of the contrastive push is the one at which they
show, on average, the fold-in level that the twin shows. One number for erasure and one for
unsharing come out; the twins are not kept. The references of an audit play no part in this, so an
audit stays independent of the tuning.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from models_engine.evaluation.margins import fold_in_margins, matched_items
from models_engine.fedshare import keyed
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.training import Progress, train
from models_engine.fedshare.unlearning.contrastive import gentle, induced_view, push_and_pull
from models_engine.fedshare.unlearning.strategy import Calibration, MakeCohort

_ACTOR = keyed.stream("actor")
_HALF = keyed.stream("half")
_SHARE_OF_ACTORS = 0.1
_CONTRAST_ITEMS = 60
_TROUPE = 20
_AMPLITUDES = tuple(2.0**power for power in range(7))
_REFINEMENTS = 2


def rehearse(model: Model, data: SharedData, make_cohort: MakeCohort, progress: Progress) -> Calibration:
    """Measure the amplitudes for a model of one replica; costs about four trainings.

    Raises:
        ValueError: too few subjects share anything to act.
    """
    actors = (keyed.uniform(data.subject_keys, model.seeds[0], _ACTOR) < _SHARE_OF_ACTORS) & data.sharing()
    drawn = keyed.uniform(data.subject_keys[data.edges.subjects], data.item_keys[data.edges.items], _HALF) < 0.5
    everything = torch.ones_like(drawn)
    amplitudes = []
    for part, (leaving, withdrawn) in enumerate(((True, everything), (False, drawn))):
        scene = _Scene(model, data, actors, leaving, withdrawn, make_cohort)
        target = scene.twin_level(partial(_half, progress, part))
        amplitudes.append(_crossing(scene.level, target))
    return Calibration(erase=amplitudes[0], unshare=amplitudes[1])


class _Scene:
    """One kind of request, as the actors play it."""

    def __init__(
        self, model: Model, data: SharedData, actors: Tensor, leaving: bool, drawn: Tensor, make_cohort: MakeCohort
    ):
        """
        Args:
            actors: bool [n].
            leaving: whether they are erased; else they go on learning on their devices.
            drawn: bool [pairs of data], what of theirs is withdrawn.
        """
        self._model, self._data, self._make_cohort = model, data, make_cohort
        self._leaving, self._drawn = leaving, drawn
        self._actors = actors
        rows = actors.nonzero().squeeze(1)
        if not (actors[data.edges.subjects] & drawn).any():
            raise ValueError("too few subjects share anything for a rehearsal: no amplitude can be measured")
        self._troupes = [torch.isin(torch.arange(data.n_subjects), troupe) for troupe in rows.split(_TROUPE)]
        self._pairs = [self._withdrawn(troupe) for troupe in self._troupes]
        self._contrasts = [
            matched_items(pairs, data.edges, data.item_popularity(), _CONTRAST_ITEMS) for pairs in self._pairs
        ]

    def twin_level(self, progress: Progress) -> float:
        """Mean margin of what is withdrawn, in a model that never had it of any actor."""
        remaining = self._data.without(self._withdrawn(self._actors), self._actors & self._leaving)
        cohort = self._make_cohort(None, remaining)
        twin = train(self._model.config, remaining, cohort, self._model.seeds, progress)
        return self._mean([twin.items] * len(self._troupes))

    def level(self, amplitude: float) -> float:
        """The same in the model, each troupe being forgotten with this amplitude, one at a time."""
        return self._mean(
            [
                self._forgotten(amplitude, troupe, pairs)
                for troupe, pairs in zip(self._troupes, self._pairs, strict=True)
            ]
        )

    def _forgotten(self, amplitude: float, troupe: Tensor, pairs: Edges) -> Tensor:
        leaving = troupe & self._leaving
        remaining, staying = self._data.without(pairs, leaving), self._model.keeping(~leaving)
        push = amplitude * induced_view(self._model, self._data, pairs)
        return push_and_pull(staying, push, remaining, self._make_cohort(gentle(staying), remaining))

    def _withdrawn(self, subjects: Tensor) -> Edges:
        return self._data.edges.where(subjects[self._data.edges.subjects] & self._drawn)

    def _mean(self, tables: list[Tensor]) -> float:
        margins = [
            fold_in_margins(table, pairs, contrast)
            for table, pairs, contrast in zip(tables, self._pairs, self._contrasts, strict=True)
            if len(pairs)
        ]
        return float(torch.cat(margins).mean())


def _half(progress: Progress, part: int, fraction: float) -> None:
    """Report one of two trainings."""
    progress((part + fraction) / 2)


def _crossing(level: Callable[[float], float], target: float) -> float:
    """The amplitude at which the level comes down to the target, or nearest to it.

    The level is nearly linear in the amplitude, so that false position finds it in a few steps.
    """
    low, above = 0.0, level(0.0) - target
    if above <= 0:
        return 0.0
    nearest = (above, 0.0)
    for high in _AMPLITUDES:
        below = level(high) - target
        if below <= 0:
            break
        nearest = min(nearest, (below, high))
        low, above = high, below
    else:
        # Far pushes turn the items round and raise the level again: the nearest approach is the best there is.
        return nearest[1]
    for _ in range(_REFINEMENTS):
        middle = low + (high - low) * above / (above - below)
        excess = level(middle) - target
        if excess > 0:
            low, above = middle, excess
        else:
            high, below = middle, excess
    return low + (high - low) * above / (above - below)
