"""Can models be told from reference models by one number of each?"""

import math
from dataclasses import dataclass

import numpy as np
import scipy  # its parts load where they are first used: the offline verifier waits for none

from audits.verification.statistics.intervals import Floats


@dataclass(frozen=True)
class Detection:
    """Some models' values against those of reference models."""

    t: float
    """Above 0: the models' values are higher."""
    p: float
    """Two-sided, from t."""
    rank_p: float
    """Two-sided, from ranks: exact without normality, and never below 2/(K+1) for one model."""

    def above(self) -> float:
        """One-sided p: is the value too high?"""
        return self.p / 2 if self.t > 0 else 1 - self.p / 2


def detect(values: Floats, references: Floats) -> Detection:
    """Test one model or several against K references.

    One model: Crawford & Howell (Clin. Neuropsychol. 1998), t = (s - m) / (sd √(1 + 1/K)) with K - 1
    degrees of freedom, and the place of s among the references. Several: Welch (Biometrika 1947), and
    Mann & Whitney (Ann. Math. Stat. 1947).

    Args:
        values: [M], of the models that are looked at.
        references: [K].

    Raises:
        ValueError: fewer than three references, a value that isn't finite, or no spread at all.
    """
    k = len(references)
    if k < 3:
        raise ValueError(f"{k} references are too few: at least 3 are needed")
    if not (np.isfinite(values).all() and np.isfinite(references).all()):
        raise ValueError("a statistic is not finite")
    if np.ptp(references) == 0:
        raise ValueError("the references do not differ: they are not independent trainings")
    if len(values) > 1:
        welch = scipy.stats.ttest_ind(values, references, equal_var=False)
        ranks = scipy.stats.mannwhitneyu(values, references)
        return Detection(float(welch.statistic), float(welch.pvalue), float(ranks.pvalue))
    value = float(values[0])
    t = (value - float(references.mean())) / (float(references.std(ddof=1)) * math.sqrt(1 + 1 / k))
    return Detection(t, float(2 * scipy.stats.t.sf(abs(t), k - 1)), rank_p(value, references))


def detect_or_even(values: Floats, references: Floats) -> Detection:
    """The same, but where all references have one value, as coarse statistics of few pairs do: nothing is told."""
    return detect(values, references) if np.ptp(references) > 0 else Detection(0.0, 1.0, 1.0)


def rank_p(value: float, references: Floats) -> float:
    """Exact two-sided p of one value among exchangeable references: 2 (1 + #{more extreme}) / (K + 1)."""
    above, below = int(np.sum(references >= value)), int(np.sum(references <= value))
    return min(1.0, 2 * (1 + min(above, below)) / (len(references) + 1))


def detectable_shift(references: int, alpha: float = 0.05, power: float = 0.8) -> float:
    """The shift of one model, in standard deviations between references, that a one-sided test finds.

    The power of Crawford and Howell's t is that of a noncentral t with K - 1 degrees of freedom.
    """
    scale, df = math.sqrt(1 + 1 / references), references - 1
    critical = scipy.stats.t.ppf(1 - alpha, df)
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if scipy.stats.nct.sf(critical, df, middle / scale) < power else (low, middle)
    return low
