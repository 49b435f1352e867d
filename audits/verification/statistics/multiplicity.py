"""Many tests at once."""

from collections.abc import Sequence

import scipy  # its parts load where they are first used: the offline verifier waits for none


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for the family-wise error (Holm, Scand. J. Stat. 1979), in the given order."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, index in enumerate(order):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = running
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for the false discovery rate (Benjamini & Hochberg, J. R. Stat. Soc. B 1995).

    For tests across requests, where some are expected to fail and none must be singled out by chance.
    """
    return [float(p) for p in scipy.stats.false_discovery_control(list(p_values), method="bh")] if p_values else []
