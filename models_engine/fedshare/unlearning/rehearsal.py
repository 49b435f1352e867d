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
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Progress, Training
from models_engine.fedshare.unlearning.contrastive import gentle, induced_view, push_and_pull
from models_engine.fedshare.unlearning.strategy import Calibration, MakeCohort, StartDevices

_ACTOR = keyed.stream("actor")
_HALF = keyed.stream("half")
_SHARE_OF_ACTORS = 0.1
_MOST_ACTORS = 100
_CONTRAST_ITEMS = 60
_TROUPE = 20
_AMPLITUDES = tuple(2.0**power for power in range(7))
_REFINEMENTS = 2


def rehearse(
    model: Model, data: SharedData, make_cohort: MakeCohort, start_devices: StartDevices, progress: Progress
) -> Calibration:
    """Measure the amplitudes for a model; costs about four trainings.

    Raises:
        ValueError: too few subjects share anything to act.
    """
    draws = keyed.uniform(data.subject_keys, model.seed, _ACTOR)
    actors = (draws < _SHARE_OF_ACTORS) & data.sharing()
    if actors.sum() > _MOST_ACTORS:
        actors &= draws <= draws[actors].sort().values[_MOST_ACTORS - 1]
    drawn = keyed.uniform(data.subject_keys[data.edges.subjects], data.item_keys[data.edges.items], _HALF) < 0.5
    everything = torch.ones_like(drawn)
    amplitudes = []
    for part, (leaving, withdrawn) in enumerate(((True, everything), (False, drawn))):
        scene = _Scene(model, data, actors, leaving, withdrawn, make_cohort)
        target = scene.twin_level(start_devices, partial(_half, progress, part))
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
        if not (actors[data.edges.subjects] & drawn).any():
            raise ValueError("too few subjects share anything for a rehearsal: no amplitude can be measured")
        rows = actors.nonzero().squeeze(1)
        troupes = [torch.isin(torch.arange(data.n_subjects), troupe) for troupe in rows.split(_TROUPE)]
        self._troupes = [troupe for troupe in troupes if len(self._withdrawn(troupe))]
        self._pairs = [self._withdrawn(troupe) for troupe in self._troupes]
        popularity = data.item_popularity()
        self._contrasts = [matched_items(pairs, data.edges, popularity, _CONTRAST_ITEMS) for pairs in self._pairs]
        self._induced = torch.cat([induced_view(model, data, pairs) for pairs in self._pairs])
        leavers = [troupe & leaving for troupe in self._troupes]
        # Each troupe is forgotten in a world of its own, all at once.
        remaining = [data.without(pairs, gone) for pairs, gone in zip(self._pairs, leavers, strict=True)]
        self._replicas = Replicas(remaining, [model.seed] * len(remaining))
        self._subjects = torch.cat([model.subjects[~gone] for gone in leavers])

    def twin_level(self, start_devices: StartDevices, progress: Progress) -> float:
        """Mean margin of what is withdrawn, in a model that never had it of any actor."""
        remaining = self._data.without(self._withdrawn(self._actors), self._actors & self._leaving)
        config, seed = self._model.config, self._model.seed
        course = Course.single([remaining], [seed], config.rounds)
        twin = Training(config, course, start_devices(config)).run(progress)[0]
        return self._mean([twin.items] * len(self._troupes))

    def level(self, amplitude: float) -> float:
        """The same in the model, each troupe being forgotten with this amplitude, one at a time."""
        model, replicas = self._model, self._replicas
        cohort = self._make_cohort(gentle(model.config), replicas)
        items = model.items.repeat(len(replicas), 1)
        tables = push_and_pull(model.config, replicas, self._subjects, items, amplitude * self._induced, cohort)
        return self._mean([tables[rows] for rows in replicas.item_slices])

    def _withdrawn(self, subjects: Tensor) -> Edges:
        return self._data.edges.where(subjects[self._data.edges.subjects] & self._drawn)

    def _mean(self, tables: list[Tensor]) -> float:
        margins = [
            fold_in_margins(table, pairs, contrast)
            for table, pairs, contrast in zip(tables, self._pairs, self._contrasts, strict=True)
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
