"""Multiplicity, differential privacy and two samples."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.verification.statistics.intervals import clopper_pearson
from audits.verification.statistics.multiplicity import benjamini_hochberg, holm
from audits.verification.statistics.privacy import epsilon_lower_bound
from audits.verification.statistics.two_sample import energy_distance, mmd


def test_holm_on_a_textbook_case():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_never_helps_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert list(np.array(adjusted)[order]) == sorted(adjusted)


def test_benjamini_hochberg_by_hand():
    # p·m/rank from the largest down: 0.04, 0.04, 0.02, 0.02.
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.02, 0.04, 0.04, 0.02])
    assert benjamini_hochberg([]) == []


def test_five_hundred_and_twelve_models_can_show_so_much_epsilon_and_no_more():
    # A perfect attack: the plug-in takes one error in 512, ln 512 = 6.24.
    positives, negatives = np.arange(512.0) + 1000, np.arange(512.0)
    found = epsilon_lower_bound(positives, negatives, delta=1e-5)
    assert found.estimate == pytest.approx(math.log(512), abs=0.01)
    # The bound pays for every threshold tried; with one threshold it would be 4.93.
    assert 3.5 < found.low < 4.93
    assert found.high == math.inf


def test_the_bound_on_epsilon_is_nothing_where_models_do_not_differ():
    generator = np.random.default_rng(1)
    bounds = [epsilon_lower_bound(*generator.normal(size=(2, 64)), delta=1e-5).low for _ in range(200)]
    assert np.mean(np.array(bounds) > 0) <= 0.05


def test_randomised_response_is_not_bounded_above_its_epsilon():
    # Two answers, each true with probability e/(1+e): ε is 1 by construction.
    generator = np.random.default_rng(2)
    truth = math.e / (1 + math.e)
    for _ in range(20):
        positives, negatives = generator.random(2000) < truth, generator.random(2000) > truth
        assert epsilon_lower_bound(positives.astype(float), negatives.astype(float), delta=0.0).low <= 1.0


@pytest.mark.parametrize(("positives", "delta"), [(np.empty(0), 0.0), (np.ones(3), 1.0)])
def test_a_bound_on_epsilon_of_nothing_is_refused(positives, delta):
    with pytest.raises(ValueError, match=r"ε|δ"):
        epsilon_lower_bound(positives, np.ones(3), delta)


def test_energy_distance_by_hand():
    # X = {0, 2}, Y = {1, 3}: 2·(1+3+1+1)/4 - (0+2+2+0)/4 - (0+2+2+0)/4 = 3 - 1 - 1 = 1.
    found = energy_distance(np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]]), seed=1)
    assert found.distance == pytest.approx(1.0)


def test_mmd_by_hand():
    # X = {0, 0}, Y = {1, 1}: squares are 0 or 1, the median is 1, so k = 1 inside and e⁻¹ across.
    found = mmd(np.zeros((2, 1)), np.ones((2, 1)), seed=1)
    assert found.distance == pytest.approx(2 - 2 * math.exp(-1))


@pytest.mark.parametrize("test", [energy_distance, mmd])
def test_two_samples_of_one_distribution_are_told_apart_as_seldom_as_promised(test):
    generator = np.random.default_rng(3)
    rejected = sum(
        test(generator.normal(size=(8, 5)), generator.normal(size=(8, 5)), seed, permutations=99).p <= 0.05
        for seed in range(400)
    )
    assert clopper_pearson(rejected, 400, 0.999).low < 0.05


@pytest.mark.parametrize("test", [energy_distance, mmd])
def test_a_difference_in_spread_is_seen_though_the_means_agree(test):
    generator = np.random.default_rng(4)
    assert test(generator.normal(0, 1, (40, 5)), generator.normal(0, 2, (40, 5)), seed=1).p <= 0.01


@pytest.mark.parametrize("test", [energy_distance, mmd])
@given(seed=st.integers(0, 1000))
def test_a_rotation_changes_no_distance_between_samples(test, seed):
    generator = np.random.default_rng(seed)
    one, other = generator.normal(size=(5, 3)), generator.normal(size=(6, 3))
    rotation = np.linalg.qr(generator.normal(size=(3, 3)))[0]
    found = test(one, other, seed=1, permutations=9).distance
    assert test(one @ rotation, other @ rotation, seed=1, permutations=9).distance == pytest.approx(found)


def test_one_model_is_no_sample():
    with pytest.raises(ValueError, match="two models"):
        energy_distance(np.ones((1, 2)), np.ones((3, 2)), seed=1)
