"""Do two sets of models come from one distribution? Distances with permutation tests."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from audits.verification.statistics.intervals import Floats


@dataclass(frozen=True)
class TwoSample:
    """A distance between two samples, and the share of relabellings that give one as large."""

    distance: float
    p: float
    permutations: int


def energy_distance(one: Floats, other: Floats, seed: int, permutations: int = 9_999) -> TwoSample:
    """2 E|X - Y| - E|X - X'| - E|Y - Y'| (Székely & Rizzo, J. Stat. Plan. Inference 2013).

    Args:
        one: [M, features].
        other: [K, features].
        seed: of the permutations.

    Raises:
        ValueError: fewer than two models on a side, or a value that isn't finite.
    """
    pooled = _pooled(one, other)
    return _permuted(-cdist(pooled, pooled), len(one), seed, permutations)


def mmd(one: Floats, other: Floats, seed: int, permutations: int = 9_999) -> TwoSample:
    """Squared maximum mean discrepancy (Gretton et al., JMLR 2012), Gaussian kernel, median heuristic.

    Arguments and errors as of `energy_distance`.
    """
    pooled = _pooled(one, other)
    squares = cdist(pooled, pooled, "sqeuclidean")
    median = float(np.median(squares[np.triu_indices(len(pooled), 1)]))
    return _permuted(np.exp(-squares / median) if median > 0 else np.ones_like(squares), len(one), seed, permutations)


def _pooled(one: Floats, other: Floats) -> Floats:
    if len(one) < 2 or len(other) < 2:
        raise ValueError("a test of two samples needs at least two models on each side")
    pooled = np.concatenate([one, other])
    if not np.isfinite(pooled).all():
        raise ValueError("a feature is not finite")
    return pooled


def _permuted(similarity: Floats, count: int, seed: int, permutations: int) -> TwoSample:
    """E k(X, X') + E k(Y, Y') - 2 E k(X, Y) over all pairs, with labels as they are and permuted."""
    total = len(similarity)
    generator = np.random.default_rng(seed)
    labels = np.zeros((permutations + 1, total))
    labels[0, :count] = 1
    for row in labels[1:]:
        row[generator.permutation(total)[:count]] = 1
    weights = labels / count - (1 - labels) / (total - count)
    distances = np.einsum("pi,ij,pj->p", weights, similarity, weights, optimize=True)
    # Equal distances count as large: rounding must not make a p value smaller than it is.
    larger = int(np.sum(distances[1:] >= distances[0] - 1e-12 * max(1.0, abs(distances[0]))))
    return TwoSample(float(distances[0]), (1 + larger) / (1 + permutations), permutations)
