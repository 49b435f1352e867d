"""Measuring, on subjects who stay, how far a push must go.

A tenth of the subjects, drawn by key, play the part of those who withdraw. A *twin* is trained
like the model, from the same seed, without their data. The actors are then forgotten in troupes of
about twenty, as requests come, and the amplitude of the contrastive push is the one at which they
show, on average, the fold-in level that the twin shows; for the rows of those who stay, the level
over the views. One number for erasure and two for unsharing come out; the twins are not kept. The
references of an audit play no part in this, so an audit stays independent of the tuning.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from models_engine.evaluation.margins import fold_in_margins, matched_items, pair_margins
from models_engine.fedshare import keyed
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Progress, Training
from models_engine.fedshare.unlearning.contrastive import gentle, induced_items, induced_subjects, pulled
from models_engine.fedshare.unlearning.strategy import Calibration, MakeCohort, StartDevices
from models_engine.fedshare.views import propagate

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
    """Measure the amplitudes for a model; costs about three trainings.

    Raises:
        ValueError: too few subjects share anything to act.
    """
    draws = keyed.uniform(data.subject_keys, model.seed, _ACTOR)
    actors = (draws < _SHARE_OF_ACTORS) & data.sharing()
    if actors.sum() > _MOST_ACTORS:
        actors &= draws <= draws[actors].sort().values[_MOST_ACTORS - 1]
    drawn = keyed.uniform(data.subject_keys[data.edges.subjects], data.item_keys[data.edges.items], _HALF) < 0.5
    leaving = _Scene(model, data, actors, True, torch.ones_like(drawn), make_cohort)
    twin = leaving.twin(start_devices, partial(_half, progress, 0))
    erase = _crossing(leaving.level, leaving.twin_level(twin))
    staying = _Scene(model, data, actors, False, drawn, make_cohort)
    twin = staying.twin(start_devices, partial(_half, progress, 1))
    unshare = _crossing(staying.level, staying.twin_level(twin))
    rows = _crossing(partial(staying.row_level, staying.forgotten(unshare)), staying.twin_row_level(twin))
    return Calibration(erase=erase, unshare=unshare, unshare_rows=rows)


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
        self._of_items = torch.cat([induced_items(model, data, pairs) for pairs in self._pairs])
        self._of_subjects = torch.cat([induced_subjects(model, data, pairs) for pairs in self._pairs])
        leavers = [troupe & leaving for troupe in self._troupes]
        # Each troupe is forgotten in a world of its own, all at once.
        remaining = [data.without(pairs, gone) for pairs, gone in zip(self._pairs, leavers, strict=True)]
        self._replicas = Replicas(remaining, [model.seed] * len(remaining))
        self._stays = torch.cat([~gone for gone in leavers])

    def twin(self, start_devices: StartDevices, progress: Progress) -> Model:
        """A model that never had what is withdrawn of any actor."""
        config, seed = self._model.config, self._model.seed
        course = Course.single([self._remaining()], [seed], config.rounds)
        return Training(config, course, start_devices(config)).run(progress)[0]

    def twin_level(self, twin: Model) -> float:
        """Mean fold-in margin of what is withdrawn, in the twin."""
        return self._mean_fold_in([twin.items] * len(self._troupes))

    def level(self, amplitude: float) -> float:
        """The same in the model, each troupe being forgotten with this amplitude, one at a time."""
        items = self.forgotten(amplitude)
        return self._mean_fold_in([items[rows] for rows in self._replicas.item_slices])

    def forgotten(self, amplitude: float) -> Tensor:
        """Item rows of all troupes' worlds after push and pull, [m, d]."""
        config, replicas = self._model.config, self._replicas
        cohort = self._make_cohort(gentle(config), replicas)
        pushed = self._model.items.repeat(len(replicas), 1) - amplitude * self._of_items
        affected = (self._of_items != 0).any(1).nonzero().squeeze(1)
        subjects = self._model.subjects.repeat(len(replicas), 1)[self._stays]
        return pulled(config, replicas, subjects, pushed, affected, config.pull_rounds, cohort)

    def twin_row_level(self, twin: Model) -> float:
        """Mean margin of the withdrawn pairs over the views, in the twin; the actors must have stayed."""
        views = twin.views(self._remaining())
        return self._mean_margin([views] * len(self._troupes))

    def row_level(self, items: Tensor, amplitude: float) -> float:
        """The same in the model with these item rows, the actors' own rows being pushed with this amplitude."""
        replicas = self._replicas
        subjects = self._model.subjects.repeat(len(replicas), 1) - amplitude * self._of_subjects
        views = propagate(replicas.graph(), subjects, items, self._model.config.layers)
        slices = zip(replicas.subject_slices, replicas.item_slices, strict=True)
        return self._mean_margin([(views[0][of_subjects], views[1][of_items]) for of_subjects, of_items in slices])

    def _remaining(self) -> SharedData:
        return self._data.without(self._withdrawn(self._actors), self._actors & self._leaving)

    def _withdrawn(self, subjects: Tensor) -> Edges:
        return self._data.edges.where(subjects[self._data.edges.subjects] & self._drawn)

    def _mean_fold_in(self, tables: list[Tensor]) -> float:
        parts = zip(tables, self._pairs, self._contrasts, strict=True)
        return float(torch.cat([fold_in_margins(*part) for part in parts]).mean())

    def _mean_margin(self, views: list[tuple[Tensor, Tensor]]) -> float:
        parts = zip(views, self._pairs, self._contrasts, strict=True)
        return float(torch.cat([pair_margins(*of, pairs, contrast) for of, pairs, contrast in parts]).mean())


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
