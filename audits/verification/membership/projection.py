"""One number of a model: how far its margins have gone along the way from never knowing to knowing.

With models of both kinds at hand this is the likelihood ratio of two Gaussians of equal spread, which is
linear: the margins, less their means without the data, weighted with the mean shift that the data makes,
T = Σ w_i (s_i - μ_out,i) / Σ w_i², w = μ_in - μ_out. It grows by 1 from never knowing to knowing, whatever
the sign of each pair's shift. With one model that knows, the weights would be learned from the model that
they judge; then all pairs weigh the same.

A model's own margins never take part in the means that it is judged by. The noise of those means adds a
little to every T, the more the fewer models there are; so that it adds the same to all, every model is
judged by means over one model fewer of each kind, and gets the average over all that may be left out.
"""

from dataclasses import dataclass

import numpy as np

from audits.verification.plan import FEWEST_KNOWN
from audits.verification.statistics.intervals import Floats


@dataclass(frozen=True)
class Levels:
    """One number for each model."""

    after: Floats
    """[M]"""
    known: Floats
    """[K']"""
    without: Floats
    """[K]"""


def levels(after: Floats, known: Floats, without: Floats, paired: bool = False) -> Levels:
    """T of every model; those whose kind is known are left out in their turn when they are judged.

    Args:
        after: margins [pairs, M].
        known: margins [pairs, K'].
        without: margins [pairs, K].
        paired: whether each model that has forgotten came from the model that knows in the same place. It
            has that model's chance deviations, so it is judged without that model as well.
    """
    if known.shape[1] < FEWEST_KNOWN:
        return Levels(*(margins.mean(axis=0) for margins in (after, known, without)))
    centre = without.mean(axis=1, keepdims=True)  # only to keep the products below small
    after, known, without = after - centre, known - centre, without - centre
    judging = _Judging(_means_without_each(known), _means_without_each(without))
    everyone = judging.of(after)
    return Levels(
        after=np.einsum("jkj->jk", everyone).mean(axis=1) if paired else everyone.mean(axis=(0, 1)),
        known=np.einsum("jkj->jk", judging.of(known)).mean(axis=1),
        without=np.einsum("jkk->jk", judging.of(without)).mean(axis=0),
    )


def control_levels(known: Floats, without: Floats) -> tuple[Floats, Floats]:
    """T of models of both kinds for testing whether they differ at all.

    The weights point from one mean to the other, by chance if by nothing else, so that models which took
    part in them always seem to differ, even in turn. So half of the models give the weights and the other
    half is tested; with fewer than six of a kind all pairs weigh the same.
    """
    if min(known.shape[1], without.shape[1]) < 2 * FEWEST_KNOWN:
        return known.mean(axis=0), without.mean(axis=0)
    k, n = known.shape[1] // 2, without.shape[1] // 2
    centre = without[:, :n].mean(axis=1)
    weights = known[:, :k].mean(axis=1) - centre
    return weights @ (known[:, k:] - centre[:, None]), weights @ (without[:, n:] - centre[:, None])


class _Judging:
    """T by means that leave out model j of those that know and model k of those that don't."""

    def __init__(self, inside: Floats, out: Floats):
        self._inside, self._out = inside, out
        own = np.sum(out**2, axis=0)
        across = inside.T @ out
        self._offset = across - own
        squares = np.sum(inside**2, axis=0)[:, None] - 2 * across + own
        self._squares = np.where(squares > 0, squares, 1.0)

    def of(self, margins: Floats) -> Floats:
        """T of models [pairs, M]; [K', K, M]."""
        inside, out = self._inside.T @ margins, self._out.T @ margins
        return (inside[:, None, :] - out[None, :, :] - self._offset[:, :, None]) / self._squares[:, :, None]


def _means_without_each(margins: Floats) -> Floats:
    """Mean of the other models, for each; [pairs, models]."""
    count = margins.shape[1]
    return np.asarray((margins.sum(axis=1, keepdims=True) - margins) / (count - 1))
