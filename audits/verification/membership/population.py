"""The population attack: does a pair gain more from this model than pairs that nobody had?

After RMIA (Zarifzadeh et al., ICML 2024): with LR(x) = p(x | model) / p(x), the score of x is the share of
population pairs z with LR(x) / LR(z) ≥ γ. p(x | model) is the logistic function of the margin; p(x) is its
mean over models without the data, raised for those that would have had it: ((1 + a) p_out + 1 - a) / 2.
It needs no model that knew, and judges each model against its own habits, so that one that scores
everything higher does not look as if it remembered.
"""

import numpy as np
from scipy.special import expit

from audits.verification.membership.likelihood_ratio import Ratios
from audits.verification.statistics.intervals import Floats

_GAMMA = 1.0
_OFFLINE = 0.3
"""a of the paper, as it has it where models resemble each other little."""


def population(
    after: tuple[Floats, Floats], known: tuple[Floats, Floats], without: tuple[Floats, Floats], gamma: float = _GAMMA
) -> Ratios:
    """Scores in [0, 1] by pair and model. Each of the models without the data is judged by the others.

    Args:
        after, known, without: margins of the pairs [pairs, models] and of population pairs [z, models].
    """
    calibration = tuple(_mean(expit(margins)) for margins in without)
    return Ratios(
        _scores(after, calibration, gamma),
        _scores(known, calibration, gamma),
        np.concatenate([_left_out(without, k, gamma) for k in range(without[0].shape[1])], axis=1),
    )


def _left_out(without: tuple[Floats, Floats], model: int, gamma: float) -> Floats:
    pairs, others = without
    calibration = tuple(_mean(expit(np.delete(margins, model, axis=1))) for margins in without)
    return _scores((pairs[:, [model]], others[:, [model]]), calibration, gamma)


def _mean(probabilities: Floats) -> Floats:
    return ((1 + _OFFLINE) * probabilities.mean(axis=1) + 1 - _OFFLINE) / 2


def _scores(margins: tuple[Floats, Floats], calibration: tuple[Floats, ...], gamma: float) -> Floats:
    pairs, others = (expit(m) / p[:, None] for m, p in zip(margins, calibration, strict=True))
    scores = np.empty(pairs.shape)
    for model in range(pairs.shape[1]):
        pool = np.sort(others[:, model])
        scores[:, model] = np.searchsorted(pool, pairs[:, model] / gamma, "right") / len(pool)
    return scores
