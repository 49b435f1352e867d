"""Estimates with their confidence intervals."""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval; the ends may be infinite."""

    estimate: float
    low: float
    high: float
    confidence: float

    def inside(self, low: float, high: float) -> bool:
        """Whether the interval lies strictly between two bounds."""
        return low < self.low and self.high < high


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Exact interval of a proportion (Clopper & Pearson, Biometrika 1934), from quantiles of beta distributions."""
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(scipy.special.betaincinv(successes, trials - successes + 1, tail))
    high = 1.0 if successes == trials else float(scipy.special.betaincinv(successes + 1, trials - successes, 1 - tail))
    return Interval(successes / trials, low, high, confidence)
