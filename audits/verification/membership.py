"""Membership inference by the per-interaction likelihood ratio."""

from dataclasses import dataclass

import numpy as np

from audits.verification.statistics import Floats


@dataclass(frozen=True)
class LikelihoodRatio:
    """Offline LiRA scores of one model and of every reference against the other references."""

    model: Floats
    """[pairs]"""
    references: Floats
    """[pairs, K]"""


def offline_lira(model: Floats, references: Floats) -> LikelihoodRatio:
    """How unusual each pair's margin is among models that never saw it.

    The monotone form of the offline likelihood ratio (Carlini et al., S&P 2022, § V): the margin
    less the mean of the references, in their standard deviations, widened for predicting one more
    model. Each reference is judged by the others alone, so that the comparison is fair.

    Args:
        model: margins [pairs].
        references: margins [pairs, K].
    """
    return LikelihoodRatio(
        _unusual(model, references),
        np.stack(
            [_unusual(references[:, k], np.delete(references, k, axis=1)) for k in range(references.shape[1])],
            axis=1,
        ),
    )


def _unusual(margins: Floats, references: Floats) -> Floats:
    k = references.shape[1]
    spread = references.std(axis=1, ddof=1) * np.sqrt(1 + 1 / k)
    return (margins - references.mean(axis=1)) / np.maximum(spread, 1e-12)
