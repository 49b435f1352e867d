"""Measuring, on subjects who stay, how far a push must go.

Some subjects, drawn by key, play the part of those who withdraw. For each kind of request a *twin* is
trained like the model, from the same seed, without what they withdraw. Then the model is made to forget
it, and the amplitude of the push is the one at which the actors' pairs show, on average, the level that
the twin shows: by fold-in for the items, over the views for the rows of those who stay. In the large
scenes all actors withdraw at once and a pull comes first; in the small ones they withdraw one at a time,
everything or a single pair. A single pair has no fold-in: its item is pushed as far as those of an actor
who withdraws everything.

The twins are not kept. The references of an audit play no part in this, so that an audit stays
independent of the tuning.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models_engine.evaluation.margins import fold_in_margins, matched_items, pair_margins
from models_engine.fedshare import keyed
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.graph import Incidence
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning.contrastive import Rows, gentle, pull
from models_engine.fedshare.unlearning.strategy import (
    NOTHING,
    Calibration,
    MakeCohort,
    Push,
    Pushes,
)
from models_engine.fedshare.views import propagate

_ACTOR = keyed.stream("actor")
_DRAWN = keyed.stream("drawn")
_SHARE_OF_ACTORS = 0.1
_LARGEST_SHARE_OF_ACTORS = 0.25
_ACTORS_IN_SMALL_SCENES = 60
_ACTORS_WITH_ONE_PAIR = 200
_CONTRAST_ITEMS = 60
_AMPLITUDES = tuple(2.0**power for power in range(-6, 5))
_REFINEMENTS = 4


@dataclass(frozen=True)
class _Part:
    """One kind of request, as the actors play it."""

    fate: str
    """`leave`, `delete` or `unshare`."""
    large: bool
    share: float
    """Of each actor's pairs that is withdrawn; one pair at least."""
    actors: int | None = None
    """How many play; None means a tenth of those who can."""


_PARTS = (
    _Part("leave", True, 1.0),
    _Part("delete", True, 0.5),
    _Part("unshare", True, 0.5),
    _Part("leave", False, 1.0, _ACTORS_IN_SMALL_SCENES),
    _Part("delete", False, 1.0, _ACTORS_IN_SMALL_SCENES),
    _Part("delete", False, 0.0, _ACTORS_WITH_ONE_PAIR),
    _Part("unshare", False, 1.0, _ACTORS_IN_SMALL_SCENES),
    _Part("unshare", False, 0.0, _ACTORS_WITH_ONE_PAIR),
)
TWINS = len(_PARTS)
"""How many a rehearsal trains."""


@dataclass(frozen=True)
class Twin:
    """What a twin learns, from the seed of the model."""

    data: SharedData
    deleted: Edges
    """Pairs that have gone from their devices too, by row of `data`."""


TrainTwins = Callable[[Sequence[Twin], Progress], Sequence[Model]]
"""One model for each twin, with the model's configuration and seed."""


def rehearse(
    model: Model, data: SharedData, make_cohort: MakeCohort, train: TrainTwins, progress: Progress
) -> Calibration:
    """Measure the amplitudes for a model; costs about as much as `TWINS` trainings.

    Raises:
        ValueError: too few subjects share anything to act.
    """
    draws = keyed.uniform(data.subject_keys, model.seed, _ACTOR)
    able = torch.bincount(data.edges.subjects, minlength=data.n_subjects) > 1
    actors = able.nonzero().squeeze(1)
    actors = actors[draws[actors].argsort()]
    if len(actors) == 0:
        raise ValueError("too few subjects share anything for a rehearsal: no amplitude can be measured")
    pushes: dict[tuple[bool, str], Push] = {}
    scenes = [_Scene(model, data, part, _cast(part, actors)) for part in _PARTS]
    twins = train([Twin(scene.after, scene.deleted) for scene in scenes], progress)
    for scene, twin in zip(scenes, twins, strict=True):
        kind = scene.part.large, scene.part.fate
        if scene.part.share == 0:
            one = scene.measured(twin, make_cohort, pushes[kind].items)
            pushes[kind] = replace(pushes[kind], rows_one=one.rows)
        else:
            pushes[kind] = scene.measured(twin, make_cohort, None)
    small, large = (
        Pushes(**{part.fate: pushes[size, part.fate] for part in _PARTS if part.large == size})
        for size in (False, True)
    )
    return Calibration(small, large)


def _cast(part: _Part, actors: Tensor) -> Tensor:
    """Who plays a part."""
    wanted = part.actors or round(_SHARE_OF_ACTORS * len(actors))
    return actors[: max(1, min(wanted, int(_LARGEST_SHARE_OF_ACTORS * len(actors))))]


class _Scene:
    """A kind of request on a model: what is withdrawn, and the levels before and after."""

    def __init__(self, model: Model, data: SharedData, part: _Part, actors: Tensor):
        self._model, self._data, self.part = model, data, part
        playing = torch.zeros_like(data.subject_keys, dtype=torch.bool)
        playing[actors] = True
        draws = keyed.uniform(data.subject_keys[data.edges.subjects], data.item_keys[data.edges.items], _DRAWN)
        # At least one pair of each: the one that is drawn first.
        least = draws.new_ones(data.n_subjects).scatter_reduce(0, data.edges.subjects, draws, "amin")
        drawn = playing[data.edges.subjects] & (draws <= least[data.edges.subjects].clamp(min=part.share))
        self._pairs = data.edges.where(drawn)
        self._leaves = playing & (part.fate == "leave")
        self.after = data.without(self._pairs, self._leaves)
        self.deleted = self._pairs if part.fate == "delete" else NOTHING.to(data.subject_keys.device)
        self._contrast = matched_items(self._pairs, data.edges, data.item_popularity(), _CONTRAST_ITEMS)
        everybody = torch.arange(data.n_subjects, device=actors.device)
        # Devices go on learning from the pairs, and no pull brings in what they send of that.
        self._goes_on = part.fate == "unshare" and not part.large
        groups = [playing] if part.large else [everybody == actor for actor in actors]
        self._groups = [group[self._pairs.subjects] for group in groups]

    def measured(self, twin: Model, make_cohort: MakeCohort, items: float | None) -> Push:
        """The push that brings the actors' pairs to the level of the twin; `items` where that part is known."""
        rows = self._start(make_cohort)
        if items is None:
            target = float(self._margins_by_fold_in(twin.items).mean())
            items = _meeting(lambda amplitude: self._fold_in(rows, amplitude), target, self._goes_on)
        if self.part.fate == "leave":
            return Push(items, 0.0, 0.0)
        target = float(pair_margins(*twin.views(self.after), self._pairs, self._contrast).mean())
        graphs = [self._data.without(self._pairs.where(mine), self._leaves).graph() for mine in self._groups]
        of_rows = _meeting(lambda amplitude: self._over_views(graphs, rows, items, amplitude), target, self._goes_on)
        return Push(items, of_rows, of_rows)

    def _start(self, make_cohort: MakeCohort) -> Rows:
        """The rows that the push works on."""
        model = self._model
        if not self.part.large:
            return Rows(model.subjects, model.items)
        replicas = Replicas([self.after], [model.seed])
        cohort = make_cohort(gentle(model.config), replicas, [self.deleted])
        return pull(model, self.after, ~self._leaves, self._pairs, cohort)

    def _fold_in(self, rows: Rows, amplitude: float) -> float:
        """Mean fold-in margin after a push on the items, each group alone."""
        margins = []
        for mine in self._groups:
            pushed = rows.pushed(self._model, self._data, self._pairs.where(mine), Push(amplitude, 0.0, 0.0))
            margins.append(self._margins_by_fold_in(pushed.items, mine))
        return float(torch.cat(margins).mean())

    def _over_views(self, graphs: Sequence[Incidence], rows: Rows, items: float, amplitude: float) -> float:
        """Mean margin over the views after a push on items and rows, each group alone."""
        margins = []
        for mine, graph in zip(self._groups, graphs, strict=True):
            pairs = self._pairs.where(mine)
            pushed = rows.pushed(self._model, self._data, pairs, Push(items, amplitude, amplitude))
            views = propagate(graph, pushed.subjects, pushed.items, self._model.config.layers)
            margins.append(pair_margins(*views, pairs, self._contrast[mine]))
        return float(torch.cat(margins).mean())

    def _margins_by_fold_in(self, table: Tensor, mine: Tensor | None = None) -> Tensor:
        if mine is None:
            return fold_in_margins(table, self._pairs, self._contrast)
        return fold_in_margins(table, self._pairs.where(mine), self._contrast[mine])


def _meeting(level: Callable[[float], float], target: float, goes_on: bool) -> float:
    """The amplitude at which a level meets the target; negative, where it has to rise, only if devices go on."""
    if goes_on and level(0.0) < target:
        return -_crossing(lambda amplitude: -level(-amplitude), -target)
    return _crossing(level, target)


def _crossing(level: Callable[[float], float], target: float) -> float:
    """The amplitude at which the level comes down to the target, or nearest to it.

    Near the crossing the level is nearly linear in the amplitude, so that false position finds it in a few steps.
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
        # Far pushes turn the rows round and raise the level again: the nearest approach is the best there is.
        return nearest[1]
    for _ in range(_REFINEMENTS):
        middle = low + (high - low) * above / (above - below)
        excess = level(middle) - target
        if excess > 0:
            low, above = middle, excess
        else:
            high, below = middle, excess
    return low + (high - low) * above / (above - below)
