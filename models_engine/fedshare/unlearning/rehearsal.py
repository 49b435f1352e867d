"""Measuring, on subjects who stay, how far a push must go.

A tenth of the subjects, drawn by key, play the part of those who withdraw. A *twin* is trained
like the model, from the same seed, without their data. The amplitude of the contrastive push is
the one at which the model, pushed on them, shows the fold-in level that the twin shows. One number
for erasure and one for unsharing come out; the twins are not kept. The references of an audit play
no part in this, so an audit stays independent of the tuning.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from models_engine.evaluation.margins import fold_in_margins, matched_items
from models_engine.federation.cohort import Cohort
from models_engine.fedshare import keyed
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.training import Progress, train
from models_engine.fedshare.unlearning.contrastive import induced_view
from models_engine.fedshare.unlearning.strategy import Calibration

_ACTOR = keyed.stream("actor")
_HALF = keyed.stream("half")
_SHARE_OF_ACTORS = 0.1
_CONTRAST_ITEMS = 60
_AMPLITUDES = tuple(2.0**power for power in range(-4, 7))


def rehearse(
    model: Model,
    data: SharedData,
    make_cohort: Callable[[SharedData], Cohort],
    progress: Progress,
) -> Calibration:
    """Measure the amplitudes for a model of one replica; costs two trainings.

    Args:
        make_cohort: fresh devices of the subjects that the given data names.
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
            make_cohort(remaining),
            model.seeds,
            partial(_half, progress, part),
        )
        amplitudes.append(_matching_amplitude(model, twin.items, data, withdrawn))
    return Calibration(erase=amplitudes[0], unshare=amplitudes[1])


def _half(progress: Progress, part: int, fraction: float) -> None:
    """Report one of two trainings."""
    progress((part + fraction) / 2)


def _matching_amplitude(model: Model, twin_items: Tensor, data: SharedData, withdrawn: Edges) -> float:
    """The amplitude at which the pushed model's mean fold-in margin is the twin's, or nearest to it."""
    contrast = matched_items(withdrawn, data.edges, data.item_popularity(), _CONTRAST_ITEMS)
    induced = induced_view(model, data, withdrawn)

    def level(items: Tensor) -> float:
        return float(fold_in_margins(items, withdrawn, contrast).mean())

    target = level(twin_items)
    low, closest = 0.0, (abs(level(model.items) - target), 0.0)
    if level(model.items) <= target:
        return 0.0
    for high in _AMPLITUDES:
        reached = level(model.items - high * induced)
        if reached <= target:
            return _bisect(lambda amplitude: level(model.items - amplitude * induced) - target, low, high)
        closest = min(closest, (reached - target, high))
        low = high
    # Far pushes turn the items round and raise the level again: the nearest approach is the best there is.
    return closest[1]


def _bisect(excess: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that is positive at `low` and not at `high` crosses zero."""
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return (low + high) / 2
