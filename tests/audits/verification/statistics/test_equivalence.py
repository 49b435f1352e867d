"""Residual influence: landmarks, Fieller by hand, coverage, and published sample sizes."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audits.verification.statistics.equivalence import equivalence_power, models_needed, residual_influence, tost
from audits.verification.statistics.intervals import clopper_pearson

REFERENCES = np.array([1.0, 2.0, 3.0, 4.0, 5.0])


def _one(value: float) -> np.ndarray:
    return np.array([value])


def test_residual_influence_at_its_landmarks():
    for after, rho in ((3.0, 0), (100.0, 1), (-94.0, -1)):
        assert residual_influence(_one(after), _one(100.0), REFERENCES).estimate == pytest.approx(rho)


def test_fiellers_interval_by_hand():
    # N = 0, D = 10, s² = 2.5, K = 5, t(0.95; 4) = 2.1318: the quadratic in ρ has b = -t² s²/K.
    t2 = float(stats.t.ppf(0.95, 4)) ** 2
    own, shared = t2 * 2.5 * 1.2, t2 * 0.5
    root = math.sqrt(shared**2 + (100 - own) * own)
    found = residual_influence(_one(3.0), _one(13.0), REFERENCES)
    assert found.low == pytest.approx((-shared - root) / (100 - own))
    assert found.high == pytest.approx((-shared + root) / (100 - own))


def test_a_denominator_like_noise_gives_an_unbounded_interval():
    found = residual_influence(_one(3.0), _one(3.5), REFERENCES)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert not found.inside(-0.2, 0.2)


@pytest.mark.parametrize(("models", "known"), [(1, 1), (1, 16), (16, 16)])
def test_the_interval_covers_what_it_should(models, known):
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(2000):
        # Truth: half the influence is left.
        after, before = generator.normal(5, 1, models), generator.normal(10, 1, known)
        found = residual_influence(after, before, generator.normal(0, 1, 19))
        covered += found.low <= 0.5 <= found.high
    interval = clopper_pearson(covered, 2000, 0.999)
    assert interval.low < 0.9 < interval.high


def test_the_test_of_equivalence_passes_at_most_one_in_twenty_at_the_margin():
    generator = np.random.default_rng(3)
    passed = sum(
        tost(generator.normal(4, 1, 16), generator.normal(20, 1, 16), generator.normal(0, 1, 16), 0.2) <= 0.05
        for _ in range(2000)
    )
    assert clopper_pearson(passed, 2000, 0.999).low < 0.05


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 6]), st.sampled_from([-30.0, 30.0]))
def test_equivalence_and_the_interval_say_the_same(seed, models, effect):
    generator = np.random.default_rng(seed)
    sides = generator.normal(1, 1, models), generator.normal(effect, 1, models), generator.normal(0, 1, 8)
    assert (tost(*sides, 0.2) < 0.05) == residual_influence(*sides).inside(-0.2, 0.2)


@given(st.floats(0.1, 10), st.floats(-50, 50), st.booleans())
def test_residual_influence_does_not_depend_on_units_or_on_the_sign_of_the_effect(scale, shift, flipped):
    factor = -scale if flipped else scale
    sides = np.array([4.0, 5.0]), np.array([20.0, 22.0, 21.0]), REFERENCES
    one, other = residual_influence(*sides), residual_influence(*(side * factor + shift for side in sides))
    assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=1e-6)


@pytest.mark.parametrize(("margin_in_sd", "models"), [(0.5, 88), (1.0, 23), (1.5, 11)])
def test_models_needed_are_the_tabulated_ones(margin_in_sd, models):
    # Two one-sided tests at 5 % with power 0.9 (Schuirmann); the effect drops out: Δ = ρ0 · effect.
    assert models_needed(margin_in_sd / 1e-3, 1e-3) == pytest.approx(models, abs=1)


@pytest.mark.parametrize("rho", [0, 0.1, -0.15])
def test_the_chance_to_pass_is_what_simulation_finds(rho):
    generator = np.random.default_rng(4)
    effect, sizes = 14.0, (1, 16, 24)
    passed = sum(
        residual_influence(
            generator.normal(rho * effect, 1, sizes[0]),
            generator.normal(effect, 1, sizes[1]),
            generator.normal(0, 1, sizes[2]),
        ).inside(-0.2, 0.2)
        for _ in range(3000)
    )
    interval = clopper_pearson(passed, 3000, 0.999)
    assert interval.low - 0.02 < equivalence_power(effect, *sizes, 0.2, rho=rho) < interval.high + 0.02


@pytest.mark.parametrize("rho", [0.2, -0.2, 0.3, 1])
def test_what_is_left_beyond_the_margin_passes_seldom(rho):
    chance = equivalence_power(60.0, 32, 32, 32, 0.2, rho=rho)
    assert chance == pytest.approx(0.05, abs=1e-6) if abs(rho) == 0.2 else chance < 1e-6


def test_power_grows_with_the_effect_and_is_nothing_without_one():
    powers = [equivalence_power(effect, 1, 1, 19, 0.2) for effect in (1, 9, 12, 18, 40)]
    assert powers == sorted(powers)
    assert (powers[0], powers[-1] > 0.99) == (0.0, True)


def test_an_effect_that_no_number_of_models_shows_is_refused():
    with pytest.raises(ValueError, match="too small"):
        models_needed(0.01, 0.2)
