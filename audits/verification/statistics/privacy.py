"""What an attack's errors say about differential privacy: a lower bound on ε, never an upper one."""

import itertools
import math

import numpy as np

from audits.verification.statistics.intervals import Floats, Interval, clopper_pearson


def epsilon_lower_bound(positives: Floats, negatives: Floats, delta: float, confidence: float = 0.95) -> Interval:
    """Empirical ε of the best threshold, and the lower bound that holds with the given confidence.

    (ε, δ)-indistinguishability bounds every test: FPR + e^ε FNR ≥ 1 - δ and the same with the errors
    changed over (Kairouz et al., ICML 2015), so that ε ≥ ln((1 - δ - FPR) / FNR). The estimate takes the
    rates as they are (the NeurIPS 2023 unlearning challenge's measure); the bound takes Clopper-Pearson's
    upper limits, at a confidence shared among all thresholds that are tried (Bonferroni).

    Args:
        positives: [M], one independent score of each model that forgot.
        negatives: [K], one of each that never knew.

    Returns:
        The estimate, the lower bound, and infinity above: an attack never bounds ε from above.

    Raises:
        ValueError: there are no scores on a side, or δ is not in [0, 1).
    """
    if not len(positives) or not len(negatives):
        raise ValueError("a bound on ε needs scores on both sides")
    if not 0 <= delta < 1:
        raise ValueError(f"δ must lie in [0, 1), got {delta}")
    thresholds = np.unique(np.concatenate([positives, negatives]))
    each = 1 - (1 - confidence) / (4 * len(thresholds))
    estimate = bound = 0.0
    for threshold, sign in itertools.product(thresholds, (1, -1)):
        # Both ways: a model that avoids what it was to forget is told apart as well.
        missed, alarmed = (
            int(np.sum(sign * positives <= sign * threshold)),
            int(np.sum(sign * negatives > sign * threshold)),
        )
        errors = (missed, len(positives)), (alarmed, len(negatives))
        for (a, of_a), (b, of_b) in (errors, errors[::-1]):
            estimate = max(estimate, _epsilon(a / of_a, b / of_b, delta, of_a))
            high_a, high_b = (clopper_pearson(n, of, 2 * each - 1).high for n, of in ((a, of_a), (b, of_b)))
            bound = max(bound, _epsilon(high_a, high_b, delta, None))
    return Interval(estimate, bound, math.inf, confidence)


def _epsilon(one: float, other: float, delta: float, trials: int | None) -> float:
    """ln((1 - δ - other) / one); an error rate of none in n trials counts as one in n."""
    if 1 - delta - other <= 0:
        return 0.0
    if one == 0 and trials is not None:
        one = 1 / trials
    return max(0.0, math.log((1 - delta - other) / one))
