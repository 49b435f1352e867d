"""Residual influence ρ, and whether it is shown to be small: equivalence, not absence of evidence.

ρ = (μ_after - μ_without) / (μ_with - μ_without): 0 is a model like one that never knew, 1 is nothing
done, below 0 is over-forgotten. Means are over models; how much models differ is estimated from the
models without the data wherever there is one model alone.
"""

import math
from dataclasses import dataclass

import numpy as np
import scipy  # its parts load where they are first used: the offline verifier waits for none

from audits.verification.statistics.intervals import Floats, Interval

_MOST_MODELS = 10_000


@dataclass(frozen=True)
class Contrast:
    """What ρ is computed from: numerator, denominator, their variances and covariance."""

    numerator: float
    denominator: float
    numerator_variance: float
    denominator_variance: float
    covariance: float
    df: float

    @classmethod
    def of(cls, after: Floats, known: Floats, without: Floats) -> "Contrast":
        """From the values of models: [M] after forgetting, [K'] that know the data, [K] that never did.

        Raises:
            ValueError: fewer than three models without the data, or a value that isn't finite.
        """
        if len(without) < 3:
            raise ValueError(f"{len(without)} models without the data are too few: at least 3 are needed")
        if not all(np.isfinite(values).all() for values in (after, known, without)):
            raise ValueError("a statistic is not finite")
        noise = float(without.var(ddof=1))
        own, ruler, floor = (
            (noise if len(values) == 1 else float(values.var(ddof=1))) / len(values)
            for values in (after, known, without)
        )
        mean = float(without.mean())
        return cls(
            numerator=float(after.mean()) - mean,
            denominator=float(known.mean()) - mean,
            numerator_variance=own + floor,
            denominator_variance=ruler + floor,
            covariance=floor,
            df=_satterthwaite(own, floor, len(after), len(without)),
        )

    def excess(self, rho: float) -> float:
        """t of the hypothesis that the residual influence is `rho`."""
        variance = self.numerator_variance - 2 * rho * self.covariance + rho**2 * self.denominator_variance
        return (self.numerator - rho * self.denominator) / math.sqrt(variance)


def residual_influence(after: Floats, known: Floats, without: Floats, confidence: float = 0.9) -> Interval:
    """ρ with Fieller's interval (J. R. Stat. Soc. B 1954): every value that a t test does not reject.

    Where the denominator can't be told from zero, the interval is the whole line.

    Args:
        after: [M], models that have forgotten.
        known: [K'], models with the data; one, the model as it was, is enough.
        without: [K], models that never had it.

    Raises:
        ValueError: fewer than three models without the data, or a value that isn't finite.
    """
    found = Contrast.of(after, known, without)
    t2 = float(scipy.stats.t.ppf((1 + confidence) / 2, found.df)) ** 2
    a = found.denominator**2 - t2 * found.denominator_variance
    b = found.numerator * found.denominator - t2 * found.covariance
    c = found.numerator**2 - t2 * found.numerator_variance
    estimate = found.numerator / found.denominator if found.denominator else math.nan
    if a <= 0:
        return Interval(estimate, -math.inf, math.inf, confidence)
    root = math.sqrt(max(b * b - a * c, 0.0))
    return Interval(estimate, (b - root) / a, (b + root) / a, confidence)


def tost(after: Floats, known: Floats, without: Floats, margin: float) -> float:
    """p of two one-sided tests (Schuirmann, J. Pharmacokin. Biopharm. 1987) that |ρ| is at least the margin.

    Where the denominator stands clear of zero, it is at most α exactly when the interval at confidence
    1 - 2α lies inside the margin. Arguments and errors as of `residual_influence`.
    """
    found = Contrast.of(after, known, without)
    sign = 1 if found.denominator >= 0 else -1
    too_much, too_little = (scipy.stats.t.cdf(sign * found.excess(rho), found.df) for rho in (margin, -margin))
    return float(max(too_much, 1 - too_little))


def equivalence_power(
    effect: float, after: int, known: int, without: int, margin: float, confidence: float = 0.9, rho: float = 0.0
) -> float:
    """Chance that the equivalence test passes, from the noncentral t of both sides.

    Args:
        effect: (μ_with - μ_without) / σ, σ the standard deviation between models.
        after, known, without: numbers of models.
        margin: ρ0.
        rho: the residual influence that there truly is; 0 is exact retraining. Over ρ, the chance is the test's
            operating characteristic: at ±ρ0 it is the error that the confidence allows, at most.
    """
    own, ruler, floor = 1 / after, 1 / known, 1 / without
    df = _satterthwaite(own, floor, after, without)
    critical = float(scipy.stats.t.ppf((1 + confidence) / 2, df))
    spread = [math.sqrt(own + (1 - r) ** 2 * floor + r**2 * ruler) for r in (margin, -margin)]
    clear = (margin - rho, margin + rho)
    one_side = [
        float(scipy.stats.nct.sf(critical, df, far * abs(effect) / one)) for far, one in zip(clear, spread, strict=True)
    ]
    return max(0.0, sum(one_side) - 1)


def models_needed(effect: float, margin: float, power: float = 0.9, confidence: float = 0.9) -> int:
    """How many models of each kind (after, with, without) exact retraining needs to pass with this power.

    Raises:
        ValueError: more than 10,000 would be needed.
    """

    def enough(models: int) -> bool:
        return equivalence_power(effect, models, models, models, margin, confidence) >= power

    if not enough(_MOST_MODELS):
        raise ValueError(f"an effect of {effect:.3g} standard deviations is too small for a margin of {margin:g}")
    # Where σ is known the quantiles simply add up; the truth lies a little above.
    quantiles = float(scipy.stats.norm.ppf((1 + confidence) / 2) + scipy.stats.norm.ppf((1 + power) / 2))
    low = min(_MOST_MODELS, max(2, int((quantiles / (margin * effect)) ** 2 * (1 + (1 - margin) ** 2 + margin**2))))
    while low > 2 and enough(low):
        low = max(2, low * 3 // 4)
    high = low
    while not enough(high):
        low, high = high, min(_MOST_MODELS, high * 4 // 3 + 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def _satterthwaite(own: float, floor: float, after: int, without: int) -> float:
    """Degrees of freedom of a sum of two variances (Satterthwaite, Biometrics 1946)."""
    if after == 1:
        return without - 1
    return (own + floor) ** 2 / (own**2 / (after - 1) + floor**2 / (without - 1))
