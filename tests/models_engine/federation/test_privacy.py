"""ε against the exact privacy curve of the Gaussian mechanism."""

import math
from dataclasses import replace

import pytest
from scipy import stats

from models_engine.federation.privacy import contributions, local_epsilon
from models_engine.fedshare.config import FedShareConfig

BASE = FedShareConfig(rounds=40, participation=0.1, clip=1.0)


def _delta(epsilon: float, sigma: float) -> float:
    """Balle & Wang, ICML 2018, theorem 8, for sensitivity 1."""
    below, above = 1 / (2 * sigma) - epsilon * sigma, -1 / (2 * sigma) - epsilon * sigma
    return float(stats.norm.cdf(below) - math.exp(epsilon) * stats.norm.cdf(above))


@pytest.mark.parametrize("noise", [4.0, 10.0, 40.0])
def test_epsilon_lies_on_the_curve_of_the_composed_gaussian(noise):
    epsilon = local_epsilon(replace(BASE, noise=noise), delta=1e-5)
    sigma = noise / 2 / math.sqrt(4)  # four messages: as one with half the noise
    assert _delta(epsilon * 1.001, sigma) <= 1e-5
    assert _delta(epsilon * 0.98, sigma) >= 1e-5


def test_a_device_contributes_once_in_each_cycle():
    assert contributions(BASE) == 4
    assert contributions(replace(BASE, rounds=41)) == 5


def test_without_noise_there_is_no_privacy():
    assert local_epsilon(BASE, 1e-5) == math.inf


def test_a_senseless_delta_is_refused():
    with pytest.raises(ValueError, match="delta"):
        local_epsilon(replace(BASE, noise=1.0), 0.0)
