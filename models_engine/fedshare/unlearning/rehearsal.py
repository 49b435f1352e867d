"""Measuring, on subjects who stay, how far a push must go.

A tenth of the subjects, drawn by key, play the part of those who withdraw. A *twin* is trained
like the model, from the same seed, without their data. The amplitude of the contrastive push is
the one at which the model, pushed on them and pulled back, shows the fold-in level that the twin
shows. One number for erasure and one for unsharing come out; the twins are not kept. The references
of an audit play no part in this, so an audit stays independent of the tuning.
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
_AMPLITUDES = tuple(2.0**power for power in range(-2, 7))
_BISECTIONS = 6


def rehearse(model: Model, data: SharedData, make_cohort: MakeCohort, progress: Progress) -> Calibration:
    """Measure the amplitudes for a model of one replica; costs little more than two trainings.

    Raises:
        ValueError: too few subjects share anything to act.
    """
    actor = keyed.uniform(data.subject_keys, model.seeds[0], _ACTOR) < _SHARE_OF_ACTORS
    erased = actor & data.sharing()
    drawn = keyed.uniform(data.subject_keys[data.edges.subjects], data.item_keys[data.edges.items], _HALF) < 0.5
    nobody = torch.zeros_like(actor)
    amplitudes = []
    for part, (withdrawn, leaving) in enumerate(
        (
            (data.edges.where(erased[data.edges.subjects]), erased),
            (data.edges.where(actor[data.edges.subjects] & drawn), nobody),
        )
    ):
        if len(withdrawn) == 0:
            raise ValueError("too few subjects share anything for a rehearsal: no amplitude can be measured")
        remaining = data.without(withdrawn, leaving)
        twin = train(
            model.config,
            remaining,
            make_cohort(None, remaining),
            model.seeds,
            partial(_half, progress, part),
        )
        amplitudes.append(_matching_amplitude(model, leaving, twin, data, withdrawn, remaining, make_cohort))
    return Calibration(erase=amplitudes[0], unshare=amplitudes[1])


def _matching_amplitude(
    model: Model,
    leaving: Tensor,
    twin: Model,
    data: SharedData,
    withdrawn: Edges,
    remaining: SharedData,
    make_cohort: MakeCohort,
) -> float:
    """The amplitude at which the model, without what is withdrawn from `data`, shows the twin's level."""
    contrast = matched_items(withdrawn, data.edges, data.item_popularity(), _CONTRAST_ITEMS)
    induced, staying = induced_view(model, data, withdrawn), model.keeping(~leaving)

    def level(items: Tensor) -> float:
        return float(fold_in_margins(items, withdrawn, contrast).mean())

    def pushed(amplitude: float) -> Tensor:
        return push_and_pull(staying, amplitude * induced, remaining, make_cohort(gentle(staying), remaining))

    return _crossing(lambda amplitude: level(pushed(amplitude)), level(twin.items))


def _half(progress: Progress, part: int, fraction: float) -> None:
    """Report one of two trainings."""
    progress((part + fraction) / 2)


def _crossing(level: Callable[[float], float], target: float) -> float:
    """The amplitude at which the level comes down to the target, or nearest to it."""
    low, closest = 0.0, (level(0.0) - target, 0.0)
    if closest[0] <= 0:
        return 0.0
    for high in _AMPLITUDES:
        excess = level(high) - target
        if excess <= 0:
            return _bisect(lambda amplitude: level(amplitude) - target, low, high)
        closest = min(closest, (excess, high))
        low = high
    # Far pushes turn the items round and raise the level again: the nearest approach is the best there is.
    return closest[1]


def _bisect(excess: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that is positive at `low` and not at `high` crosses zero."""
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2
