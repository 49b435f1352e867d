"""Measuring, on subjects who stay, how far a push must go.

Some subjects, drawn by key, play the part of those who withdraw. For each kind of request and cast a *twin* is
trained like the model, from the same seed, without what they withdraw. It shows the level to which the margins of
the actors' pairs must fall: by fold-in from the items, over the views for the rows of those who stay.

In a large request all actors withdraw half at once, a pull comes first, and the amplitude, or the pace of the rows in
the pull, is the one at which the twin's level is met on average. In a small one no two pairs are alike, and no two
subjects: on many actors who withdraw one pair each, which has no fold-in, it is measured what tells how far margins
must fall (`features.py`, `regression.py`). The same is measured, for requests of every size, on others who withdraw
everything.

Who withdraws everything has no row left to look at, so that the rows are measured on actors who withdraw
half. Whether a device deletes pairs because its subject leaves or not makes no difference to the items.

The twins are not kept. The references of an audit play no part in this, so that an audit stays
independent of the tuning.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models_engine.evaluation.margins import fold_in_margins, pair_margins, pair_scores, standardised
from models_engine.fedshare import keyed
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning.amplitudes import FARTHEST, LEAST_GIVING_WAY, PairAmplitudes
from models_engine.fedshare.unlearning.contrastive import gentle, pull
from models_engine.fedshare.unlearning.features import (
    CONTRAST_ITEMS,
    SubjectFeatures,
    contrasted,
    pair_features,
    subject_features,
)
from models_engine.fedshare.unlearning.push import Amplitude, Induced, Rows
from models_engine.fedshare.unlearning.regression import FallRegression, SubjectFall
from models_engine.fedshare.unlearning.strategy import (
    NOTHING,
    Calibration,
    Falls,
    MakeCohort,
    Push,
    Pushes,
)
from models_engine.fedshare.views import propagate

_ACTOR = keyed.stream("actor")
_DRAWN = keyed.stream("drawn")
_SHARE_OF_ACTORS = 0.1
"""Of those who can: more would change the model of the others."""
_SHARE_OF_SINGLE_PAIRS = 0.02
"""The same of all pairs, withdrawn one by a subject."""
_ACTORS_WHO_KEEP_HALF = 60
_ACTORS_WHO_UNSHARE_ALL = 400
_ACTORS_WHO_LEAVE = 100
_CASTS_WHO_LEAVE = 4
_ACTORS_WITH_ONE_PAIR = 1500
_AMPLITUDES = tuple(FARTHEST * 2.0**power for power in range(-10, 1))
_REFINEMENTS = 4
_PACES = (1.0, 2.5, 4.0)
"""Paces that are tried; between them is interpolated."""


@dataclass(frozen=True)
class _Part:
    """One kind of request, as the actors play it."""

    fate: str
    """`leave`, `delete` or `unshare`."""
    share: float
    """Of each actor's pairs that is withdrawn; one pair at least."""
    large: bool = False
    """Whether the actors withdraw at once."""
    actors: int | None = None
    """How many play at most; None sets no limit but a share of those who can."""
    turn: int = 0
    """How many casts of as many have played it before, with a twin of their own."""


_LARGE = {fate: _Part(fate, 0.5, large=True) for fate in ("delete", "unshare")}
# The more leave at once, the further the margins of each fall: on Online Retail by a fifteenth where 400 do and not 50.
_LEAVE = [_Part("leave", 1.0, actors=_ACTORS_WHO_LEAVE, turn=turn) for turn in range(_CASTS_WHO_LEAVE)]
_UNSHARE_ALL = _Part("unshare", 1.0, actors=_ACTORS_WHO_UNSHARE_ALL)
_HALF = {fate: _Part(fate, 0.5, actors=_ACTORS_WHO_KEEP_HALF) for fate in ("delete", "unshare")}
_ONE = {fate: _Part(fate, 0.0, actors=_ACTORS_WITH_ONE_PAIR) for fate in ("delete", "unshare")}
_PARTS = (*_LARGE.values(), *_LEAVE, _UNSHARE_ALL, *_HALF.values(), *_ONE.values())
TWINS = len(_PARTS)
"""How many a rehearsal asks for; in a small world some are the same."""


@dataclass(frozen=True)
class Twin:
    """What a twin learns, from the seed of the model."""

    data: SharedData
    deleted: Edges
    """Pairs that have gone from their devices too, by row of `data`."""


_Scores = tuple[Tensor, Tensor]
"""Of pairs, [pairs], and of what each is held against, [pairs, count]."""
TrainTwins = Callable[[Sequence[Twin], Progress], Sequence[Model]]
"""One model for each twin, with the model's configuration and seed."""


def rehearse(
    model: Model, data: SharedData, make_cohort: MakeCohort, train: TrainTwins, progress: Progress
) -> Calibration:
    """Measure the amplitudes for a model; costs about as much as `TWINS` trainings.

    Raises:
        ValueError: too few subjects share anything to act, or all of them nearly every item.
    """
    draws = keyed.uniform(data.subject_keys, model.seed, _ACTOR)
    degree = torch.bincount(data.edges.subjects, minlength=data.n_subjects)
    # Who has touched nearly every item leaves nothing to hold a pair against.
    able = (degree > 1) & (data.n_items - degree >= CONTRAST_ITEMS)
    actors = able.nonzero().squeeze(1)
    actors = actors[draws[actors].argsort()]
    if len(actors) == 0 or (degree > 0).sum() < 2:
        raise ValueError("too few subjects share anything for a rehearsal: no amplitude can be measured")
    induced = Induced(model, data)
    scenes = {
        part: _Scene(model, data, induced, part, _cast(part, actors, len(data.edges)), make_cohort) for part in _PARTS
    }
    twins = train([Twin(scene.after, scene.deleted) for scene in scenes.values()], progress)
    for scene, twin in zip(scenes.values(), twins, strict=True):
        scene.twin = twin
    holdings = make_cohort(gentle(model.config), Replicas([data], [model.seed]), None).holdings()
    alone = Falls(**{fate: scenes[part].fall_of_pairs(holdings) for fate, part in _ONE.items()})
    leave, of_leavers = _fall_of_subjects([scenes[part] for part in _LEAVE])
    unshare, of_unsharing = _fall_of_subjects([scenes[_UNSHARE_ALL]])
    of_unsharing_many, pace = scenes[_LARGE["unshare"]].push_and_pace()
    return Calibration(
        small=Pushes(
            delete=scenes[_HALF["delete"]].push_on_rows(leave, alone.delete, holdings),
            unshare=scenes[_HALF["unshare"]].push_on_rows(unshare, alone.unshare, holdings),
        ),
        alone=alone,
        whole=Falls(delete=of_leavers, unshare=of_unsharing),
        large=Pushes(
            delete=scenes[_LARGE["delete"]].push_after_pull(),
            unshare=of_unsharing_many,
        ),
        pace=pace,
    )


def _cast(part: _Part, actors: Tensor, pairs: int) -> Tensor:
    """Who plays a part."""
    most = round(_SHARE_OF_ACTORS * len(actors) if part.share else _SHARE_OF_SINGLE_PAIRS * pairs)
    count = max(1, min(part.actors or most, most))
    return actors.roll(-part.turn * count)[:count]


class _Scene:
    """A kind of request on a model: what is withdrawn, and the levels before and after."""

    twin: Model
    """What learned without it."""
    goes_on: bool
    """Whether devices go on learning from the pairs, and no pull brings in what they send of that."""

    def __init__(
        self,
        model: Model,
        data: SharedData,
        induced: Induced,
        part: _Part,
        actors: Tensor,
        make_cohort: MakeCohort,
    ):
        self._model, self._data, self._induced = model, data, induced
        self._part, self._actors, self._make_cohort = part, actors, make_cohort
        playing = torch.zeros_like(data.subject_keys, dtype=torch.bool)
        playing[actors] = True
        draws = keyed.uniform(data.subject_keys[data.edges.subjects], data.item_keys[data.edges.items], _DRAWN)
        # At least one pair of each: the one that is drawn first.
        least = draws.new_ones(data.n_subjects).scatter_reduce(0, data.edges.subjects, draws, "amin")
        drawn = playing[data.edges.subjects] & (draws <= least[data.edges.subjects].clamp(min=part.share))
        self._pairs = data.edges.where(drawn)
        self.after = data.without(self._pairs, playing & (part.fate == "leave"))
        self.deleted = self._pairs if part.fate == "delete" else NOTHING.to(data.subject_keys.device)
        self._contrast = contrasted(self._pairs, data)
        self.goes_on = part.fate == "unshare" and not part.large

    def push_after_pull(self) -> Push:
        """In a large request that deletes: on the items and on the rows."""
        rows = self._pulled(1.0)
        items = self._meeting_by_fold_in(rows)
        return Push(items, self._meeting_over_views(rows, lambda of_rows: (items, of_rows)))

    def push_and_pace(self) -> tuple[Push, float]:
        """In a large request that unshares: the push on the items, and the pace with which the margins over the views
        are those of the twin, on average.
        """
        graph = self.after.graph()
        levels, amplitudes = [], []
        for tried in _PACES:
            rows = self._pulled(tried)
            amplitudes.append(self._meeting_by_fold_in(rows))
            pushed = rows.pushed(self._induced, self._pairs, amplitudes[-1], 0.0)
            views = propagate(graph, pushed.subjects, pushed.items, self._model.config.layers)
            levels.append(float(pair_margins(*views, self._pairs, self._contrast).mean()))
        pace = _pace(levels, float(self._target().mean()))
        return Push(float(np.interp(pace, _PACES, amplitudes)), 0.0), pace

    def _pulled(self, pace: float) -> Rows:
        """The rows after the pull of a large request, those of the actors at some pace."""
        replicas = Replicas([self.after], [self._model.seed])
        cohort = self._make_cohort(gentle(self._model.config), replicas, [self.deleted])
        paces = torch.full_like(self._model.subjects[:, 0], pace)
        return pull(self._model, self.after, torch.ones_like(paces, dtype=torch.bool), self._pairs, paces, cohort)

    def push_on_rows(self, items: float, fall: FallRegression, holdings: Tensor) -> Push:
        """In a small request, with the amplitude on the items of all pairs given."""
        on_items = self._part.fate == "delete"
        alone = PairAmplitudes(self._model, self._data, self._induced, self._pairs, fall, on_items, holdings)
        rows = Rows(self._model.subjects, self._model.items)
        return Push(items, self._meeting_over_views(rows, lambda of_rows: alone.with_all(items, of_rows)))

    def fall_of_pairs(self, holdings: Tensor) -> FallRegression:
        """What tells how far the margin of a pair alone must fall."""
        on_items = self._part.fate == "delete"
        seen = pair_features(self._model, self._data, self._induced, self._pairs, self._contrast, holdings, on_items)
        # Features tell 56 to 59 % of the variance where pairs are deleted, 64 to 89 % where devices go on.
        return FallRegression.fitted(seen.values, seen.level - self._target(), stretched=on_items)

    def what_whole_subjects_show(self) -> tuple[SubjectFeatures, Tensor]:
        """Of who withdraws everything: features, and how far margins fall, [pairs]."""
        seen = subject_features(self._model, self._data, self._induced, self._pairs, self._contrast)
        margins = fold_in_margins(self.twin.items, self._pairs, self._contrast)
        return seen, seen.level - margins

    def _groups(self) -> list[Tensor]:
        """Bool [pairs] each: what is withdrawn at once, everything or one actor's."""
        if self._part.large:
            return [torch.ones_like(self._pairs.subjects, dtype=torch.bool)]
        return [self._pairs.subjects == actor for actor in self._actors]

    def _target(self) -> Tensor:
        """The twin's margins over the views, [pairs]."""
        return pair_margins(*self.twin.views(self.after), self._pairs, self._contrast)

    def _meeting_by_fold_in(self, rows: Rows) -> float:
        """The amplitude on the items with which the margins by fold-in are those of the twin, on average."""

        def level(amplitude: float) -> float:
            pushed = rows.pushed(self._induced, self._pairs, amplitude, 0.0)
            return float(fold_in_margins(pushed.items, self._pairs, self._contrast).mean())

        target = float(fold_in_margins(self.twin.items, self._pairs, self._contrast).mean())
        return _crossing(level, target)

    def _meeting_over_views(self, rows: Rows, amplitudes: Callable[[float], tuple[Amplitude, Amplitude]]) -> float:
        """The amplitude on the rows with which the margins over the views are those of the twin, on average.

        Args:
            amplitudes: on items and rows of all pairs, from that one.
        """
        coefficients = [self._scores_by_amplitude(rows, mine, amplitudes) for mine in self._groups()]

        def level(amplitude: float) -> float:
            margins = []
            for constant, linear, square in coefficients:
                own, against = (
                    c + amplitude * (b + amplitude * q) for c, b, q in zip(constant, linear, square, strict=True)
                )
                margins.append(standardised(own, against))
            return float(torch.cat(margins).mean())

        return _meeting(level, float(self._target().mean()), self.goes_on)

    def _scores_by_amplitude(
        self, rows: Rows, mine: Tensor, amplitudes: Callable[[float], tuple[Amplitude, Amplitude]]
    ) -> tuple[_Scores, _Scores, _Scores]:
        """Scores of some pairs and of their contrast, as the coefficients of a polynomial in the amplitude: rows and
        views go linearly with it, and a score is a product of two.
        """
        pairs = self._pairs.where(mine)
        graph = self._data.without(pairs, torch.zeros_like(self._data.subject_keys, dtype=torch.bool)).graph()
        views = []
        for amplitude in (0.0, 1.0):
            of_mine = (a[mine] if isinstance(a, Tensor) else a for a in amplitudes(amplitude))
            pushed = rows.pushed(self._induced, pairs, *of_mine)
            views.append(propagate(graph, pushed.subjects, pushed.items, self._model.config.layers))
        (subjects, items), (moved_subjects, moved_items) = views
        slopes = moved_subjects - subjects, moved_items - items

        def scores(left: Tensor, right: Tensor) -> _Scores:
            return pair_scores(left, right, pairs, self._contrast[mine])

        crossed = zip(scores(subjects, slopes[1]), scores(slopes[0], items), strict=True)
        own, against = (one + other for one, other in crossed)
        return scores(subjects, items), (own, against), scores(*slopes)


def _fall_of_subjects(scenes: Sequence[_Scene]) -> tuple[float, SubjectFall]:
    """Of all that a subject shares: the usual amplitude on the items without a pull, and what tells how far the margins
    of those who can be looked at must fall.
    """
    goes_on, shown = scenes[0].goes_on, [scene.what_whole_subjects_show() for scene in scenes]
    of_subjects = torch.cat([seen.of_subjects for seen, _ in shown])
    gives_way = torch.cat([seen.gives_way_together for seen, _ in shown])
    counts = torch.cat([torch.bincount(seen.subject) for seen, _ in shown])
    means = torch.cat([seen.mean(falls) for seen, falls in shown])
    departures = torch.cat([falls - seen.mean(falls)[seen.subject] for seen, falls in shown])
    fall, way = (float((counts * each).sum() / counts.sum()) for each in (means, gives_way))
    usual = fall / way if way >= LEAST_GIVING_WAY else 0.0
    usual = min(max(usual, -FARTHEST if goes_on else 0.0), FARTHEST)
    # Departures as varied as falls are, not half of that, are told more often on average (AUC 0.512 and not 0.508 on
    # Online Retail, 0.524 and not 0.520 on MovieLens-100K), and hardly less often at a TPR of 1 %.
    return usual, SubjectFall(
        mean=FallRegression.fitted(of_subjects, means, counts, stretched=goes_on),
        departures=FallRegression.fitted(torch.cat([seen.values for seen, _ in shown]), departures, stretched=False),
    )


def _pace(levels: Sequence[float], target: float) -> float:
    """The pace at which levels, one for each of `_PACES`, come down to the target, or nearest to it."""
    lowest = int(np.argmin(levels)) + 1  # what goes faster still goes astray
    falls = np.maximum.accumulate(levels[0] - np.array(levels[:lowest]))
    return float(np.interp(levels[0] - target, falls, _PACES[:lowest]))


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
