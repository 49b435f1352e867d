"""How well an attack ranks what models saw above what they never saw."""

import math

import numpy as np
import scipy  # its parts load where they are first used: the offline verifier waits for none
from numpy.typing import NDArray

from audits.verification.statistics.intervals import Floats, Interval, clopper_pearson


def auc(positives: Floats, negatives: Floats) -> float:
    """P(positive > negative) + P(tie)/2."""
    pool = np.sort(negatives, axis=None)
    scores = positives.ravel()
    won = np.searchsorted(pool, scores, "left") + np.searchsorted(pool, scores, "right")
    return float(won.sum() / 2 / (len(scores) * len(pool)))


def delong(positives: Floats, negatives: Floats, confidence: float = 0.95) -> Interval:
    """AUC with DeLong's interval (Biometrics 1988), for scores that are independent of each other.

    Raises:
        ValueError: fewer than two scores on a side.
    """
    if len(positives) < 2 or len(negatives) < 2:
        raise ValueError("an interval on the AUC needs at least two scores on each side")
    # Structural components: how much of the other side each score beats.
    of_positives = _beaten(positives, negatives)
    of_negatives = 1 - _beaten(negatives, positives)
    variance = of_positives.var(ddof=1) / len(positives) + of_negatives.var(ddof=1) / len(negatives)
    estimate = float(of_positives.mean())
    half = float(scipy.stats.norm.ppf((1 + confidence) / 2)) * math.sqrt(variance)
    return Interval(estimate, max(0.0, estimate - half), min(1.0, estimate + half), confidence)


def clustered_auc(
    positives: Floats, negatives: Floats, clusters: NDArray[np.int64], seed: int, draws: int = 500
) -> Interval:
    """AUC with a 95 % bootstrap interval that draws whole clusters, and models where there are several.

    The pairs of one subject are alike, and so are all scores of one model: drawing both ways keeps what
    they have in common (Owen, Ann. Appl. Stat. 2007).

    Args:
        positives: [pairs, M], scores of the models that are attacked.
        negatives: [pairs, K], scores of the same pairs in models that never saw them.
        clusters: [pairs], the subject of each pair.
        seed: of the bootstrap.

    Returns:
        An interval from 0 to 1 where one model has one cluster alone.
    """
    estimate = auc(positives, negatives)
    labels, cluster = np.unique(clusters, return_inverse=True)
    count, models = len(labels), positives.shape[1]
    if count < 2 and models < 2:
        return Interval(estimate, 0.0, 1.0, 0.95)
    generator = np.random.default_rng(seed)
    wins = _wins_by_cluster(positives, negatives, cluster, count)
    sizes = np.bincount(cluster, minlength=count).astype(float)
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=draws).astype(float)
    of_models = generator.multinomial(models, np.full(models, 1 / models), size=draws).astype(float)
    values = np.empty(draws)
    for draw, (subjects, weights) in enumerate(zip(drawn, of_models, strict=True)):
        won = np.tensordot(weights, wins, 1) if models > 1 else wins[0]
        values[draw] = subjects @ won @ subjects / ((subjects @ sizes) ** 2 * models * negatives.shape[1])
    low, high = np.quantile(values, [0.025, 0.975])
    return Interval(estimate, float(low), float(high), 0.95)


def auc_by_model(scores: Floats, negatives: Floats, own: bool = False) -> Floats:
    """The AUC of every model's scores [pairs, M] against negatives [pairs, K]; [M].

    Args:
        own: whether the scores are the negatives themselves; then each model is held against the others.
    """
    pool = np.sort(negatives, axis=None)
    queries = np.sort(scores, axis=0)
    won = (np.searchsorted(pool, queries, "left") + np.searchsorted(pool, queries, "right")).sum(axis=0) / 2
    pairs = len(scores)
    if own:  # against itself a model wins half
        return (won - pairs**2 / 2) / (pairs * (len(pool) - pairs))
    return won / (pairs * len(pool))


def tail_scores(scores: Floats, negatives: Floats, rate: float, own: bool = False) -> Floats:
    """How far up each model's highest scores reach among all negatives, as a normal score; [M].

    It takes the score that only this share of a model's pairs reach, and the share e of the negatives that reach it.
    Were scores independent, e would follow Beta(r, n - r + 1), r being that score's place from above among n pairs; its
    normal score is therefore near normal whatever the distribution of the scores. (The score itself is not: likelihood
    ratios grow with the square of a margin, and over models their upper quantiles had a skewness of up to 2.3.)

    Args:
        scores: [pairs, M].
        negatives: [pairs, K].
        rate: share of a model's pairs.
        own: whether the scores are the negatives themselves; then each model is held against the others.
    """
    pairs = len(scores)
    place = max(1, math.ceil(rate * pairs))
    reached = np.sort(scores, axis=0)[-place]
    pool = np.sort(negatives, axis=None)
    above, size = len(pool) - np.searchsorted(pool, reached, "left"), len(pool)
    if own:
        above, size = above - (scores >= reached).sum(axis=0), size - pairs
    share = (above + 0.5) / (size + 1)
    beta = scipy.stats.beta(place, pairs - place + 1)
    # From the nearer end of the distribution, where the other has no digits left.
    below, beyond = (np.maximum(tail, np.finfo(float).tiny) for tail in (beta.cdf(share), beta.sf(share)))
    return np.where(below < beyond, -scipy.stats.norm.ppf(below), scipy.stats.norm.ppf(beyond))


def tpr_at_fpr(positives: Floats, negatives: Floats, fpr: float) -> Interval:
    """True-positive rate at a fixed false-positive rate, with its exact interval."""
    threshold = np.quantile(negatives, 1 - fpr)
    return clopper_pearson(int(np.sum(positives > threshold)), positives.size)


def _beaten(scores: Floats, others: Floats) -> Floats:
    pool = np.sort(others)
    return (np.searchsorted(pool, scores, "left") + np.searchsorted(pool, scores, "right")) / (2 * len(pool))


def _wins_by_cluster(positives: Floats, negatives: Floats, cluster: NDArray[np.int64], count: int) -> Floats:
    """wins[m, i, j]: comparisons that model m's positives of cluster i win against negatives of cluster j."""
    models = positives.shape[1]
    wins = np.empty((models, count, count))
    order = np.argsort(positives, axis=None)  # ascending queries find their place several times faster
    queries = positives.ravel()[order]
    place = (np.arange(models)[None, :] * count + cluster[:, None]).ravel()[order]
    for j in range(count):
        pool = np.sort(negatives[cluster == j], axis=None)
        won = (np.searchsorted(pool, queries, "left") + np.searchsorted(pool, queries, "right")) / 2
        wins[:, :, j] = np.bincount(place, won, models * count).reshape(models, count)
    return wins
