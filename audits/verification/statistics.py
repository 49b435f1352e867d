"""The statistics of an audit. Every estimate comes with its interval."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; the ends may be infinite."""

    estimate: float
    low: float
    high: float
    confidence: float

    def inside(self, margin: float) -> bool:
        """Whether the interval lies strictly inside ±margin."""
        return -margin < self.low and self.high < margin


@dataclass(frozen=True)
class Detection:
    """One model's statistic against those of reference models."""

    t: float
    p: float
    """Two-sided, Crawford-Howell."""
    rank_p: float
    """Two-sided, exact: needs no normality, and can't fall below 2/(K+1)."""


def crawford_howell(value: float, references: Floats) -> Detection:
    """Test one value against K references (Crawford & Howell, Clin. Neuropsychol. 1998).

    t = (s - m) / (sd √(1 + 1/K)) with K - 1 degrees of freedom.

    Raises:
        ValueError: fewer than three references, a value that isn't finite, or no spread at all.
    """
    k = len(references)
    if k < 3:
        raise ValueError(f"{k} references are too few: at least 3 are needed")
    if not (math.isfinite(value) and np.isfinite(references).all()):
        raise ValueError("a statistic is not finite")
    spread = float(np.std(references, ddof=1))
    if spread == 0:
        raise ValueError("the references do not differ: they are not independent trainings")
    t = (value - float(np.mean(references))) / (spread * math.sqrt(1 + 1 / k))
    above = int(np.sum(references >= value))
    below = int(np.sum(references <= value))
    rank_p = min(1.0, 2 * (1 + min(above, below)) / (k + 1))
    return Detection(t, float(2 * stats.t.sf(abs(t), k - 1)), rank_p)


def residual_influence(after: float, before: float, references: Floats, confidence: float = 0.9) -> Interval:
    """ρ = (T_after - μ_out) / (T_before - μ_out), with Fieller's interval (Biometrics 1954).

    Model-to-model noise is taken to be that of the references, in numerator and denominator alike.
    ρ = 0 is a model like one that never knew, 1 is nothing done, below 0 is over-forgotten. Where
    the denominator can't be told from zero, the interval is the whole line.
    """
    k = len(references)
    mean = float(np.mean(references))
    variance = float(np.var(references, ddof=1))
    t = float(stats.t.ppf((1 + confidence) / 2, k - 1))
    numerator, denominator = after - mean, before - mean
    own, shared = t * t * variance * (1 + 1 / k), t * t * variance / k
    a = denominator**2 - own
    b = numerator * denominator - shared
    c = numerator**2 - own
    if a <= 0:
        estimate = numerator / denominator if denominator else math.nan
        return Interval(estimate, -math.inf, math.inf, confidence)
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Interval(numerator / denominator, (b - root) / a, (b + root) / a, confidence)


def equivalence_power(effect: float, k: int, margin: float, confidence: float = 0.9) -> float:
    """Chance that exact retraining passes the equivalence test on ρ.

    Args:
        effect: (μ_in - μ_out) / σ, in standard deviations between references.
        k: number of references.
    """
    scale = math.sqrt(1 + 1 / k)
    half_width = float(stats.t.ppf((1 + confidence) / 2, k - 1)) * scale
    room = margin * abs(effect) - half_width
    return float(2 * stats.norm.cdf(room / scale) - 1) if room > 0 else 0.0


def holm(p_values: list[float]) -> list[float]:
    """Adjusted p values (Holm, Scand. J. Stat. 1979), in the given order."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Exact interval of a proportion (Clopper & Pearson, Biometrika 1934)."""
    bounds = stats.binomtest(successes, trials).proportion_ci(confidence, method="exact")
    return Interval(successes / trials, float(bounds.low), float(bounds.high), confidence)


def auc(positives: Floats, negatives: Floats) -> float:
    """P(positive > negative) + P(tie)/2."""
    u = stats.mannwhitneyu(positives, negatives).statistic
    return float(u) / (len(positives) * len(negatives))


def clustered_auc(
    positives: Floats, negatives: Floats, clusters: NDArray[np.int64], seed: int, draws: int = 500
) -> Interval:
    """AUC with a 95 % bootstrap interval that draws whole clusters.

    Args:
        positives: [pairs].
        negatives: [pairs, models], scores of the same pairs in models that never saw them.
        clusters: [pairs], the subject of each pair.
        seed: of the bootstrap.
    """
    # Each pair's share of the AUC is its place among all negatives and its negatives' place below.
    estimate = auc(positives, negatives.ravel())
    labels, cluster = np.unique(clusters, return_inverse=True)
    if len(labels) < 2:
        return Interval(estimate, 0.0, 1.0, 0.95)
    generator = np.random.default_rng(seed)
    wins = _wins_by_cluster(positives, negatives, cluster, len(labels))
    sizes = np.bincount(cluster, minlength=len(labels)).astype(float)
    drawn = generator.multinomial(len(labels), np.full(len(labels), 1 / len(labels)), size=draws).astype(float)
    won = np.einsum("bi,ij,bj->b", drawn, wins, drawn)
    pairs = (drawn @ sizes) ** 2 * negatives.shape[1]
    low, high = np.quantile(won / pairs, [0.025, 0.975])
    return Interval(estimate, float(low), float(high), 0.95)


def _wins_by_cluster(positives: Floats, negatives: Floats, cluster: NDArray[np.int64], count: int) -> Floats:
    """wins[i, j]: comparisons that positives of cluster i win against negatives of cluster j."""
    wins = np.empty((count, count))
    for j in range(count):
        pool = np.sort(negatives[cluster == j].ravel())
        won = (np.searchsorted(pool, positives, "left") + np.searchsorted(pool, positives, "right")) / 2
        wins[:, j] = np.bincount(cluster, weights=won, minlength=count)
    return wins


def tpr_at_fpr(positives: Floats, negatives: Floats, fpr: float) -> Interval:
    """True-positive rate at a fixed false-positive rate, with its exact interval."""
    threshold = np.quantile(negatives, 1 - fpr)
    return clopper_pearson(int(np.sum(positives > threshold)), len(positives))
