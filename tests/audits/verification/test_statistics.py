"""Statistics against published or hand-computed values, and their invariances."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audits.verification.statistics import (
    auc,
    clopper_pearson,
    clustered_auc,
    crawford_howell,
    equivalence_power,
    holm,
    residual_influence,
    tpr_at_fpr,
)

REFERENCES = np.array([1.0, 2.0, 3.0, 4.0, 5.0])


def test_crawford_howell_by_hand():
    # m = 3, sd = √2.5, K = 5: t = (6 - 3) / (√2.5 √1.2) = √3.
    found = crawford_howell(6.0, REFERENCES)
    assert found.t == pytest.approx(math.sqrt(3))
    assert found.p == pytest.approx(2 * stats.t.sf(math.sqrt(3), 4))
    assert found.rank_p == pytest.approx(2 / 6)


def test_nineteen_references_can_reach_a_two_sided_rank_p_of_a_tenth():
    assert crawford_howell(100.0, np.arange(19.0)).rank_p == pytest.approx(0.1)


@pytest.mark.parametrize("references", [np.array([1.0, 2.0]), np.ones(10), np.array([1.0, np.nan, 2.0])])
def test_references_that_can_not_carry_a_test_are_refused(references):
    with pytest.raises(ValueError, match=r"references|finite"):
        crawford_howell(1.0, references)


def test_crawford_howell_keeps_its_size():
    generator = np.random.default_rng(1)
    rejected = sum(crawford_howell(row[0], row[1:]).p <= 0.05 for row in generator.normal(size=(4000, 20)))
    interval = clopper_pearson(rejected, 4000, 0.999)
    assert interval.low < 0.05 < interval.high


@given(st.floats(-10, 10), st.floats(0.1, 10), st.floats(-5, 5))
def test_crawford_howell_does_not_depend_on_units(value, scale, shift):
    one = crawford_howell(value, REFERENCES)
    other = crawford_howell(value * scale + shift, REFERENCES * scale + shift)
    assert one.t == pytest.approx(other.t, abs=1e-6)


def test_residual_influence_at_its_landmarks():
    before = 100.0
    assert residual_influence(3.0, before, REFERENCES).estimate == pytest.approx(0)
    assert residual_influence(before, before, REFERENCES).estimate == pytest.approx(1)
    assert residual_influence(-94.0, before, REFERENCES).estimate == pytest.approx(-1)


def test_fiellers_interval_by_hand():
    # N = 0, D = 10, s² = 2.5, K = 5, t(0.95; 4) = 2.1318: the quadratic in ρ has b = -t² s²/K.
    t2 = float(stats.t.ppf(0.95, 4)) ** 2
    own, shared = t2 * 2.5 * 1.2, t2 * 0.5
    root = math.sqrt(shared**2 + (100 - own) * own)
    found = residual_influence(3.0, 13.0, REFERENCES)
    assert found.low == pytest.approx((-shared - root) / (100 - own))
    assert found.high == pytest.approx((-shared + root) / (100 - own))


def test_a_denominator_like_noise_gives_an_unbounded_interval():
    found = residual_influence(3.0, 3.5, REFERENCES)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert not found.inside(0.2)


def test_fiellers_interval_covers_what_it_should():
    generator = np.random.default_rng(2)
    covered = 0
    for _ in range(2000):
        references = generator.normal(0, 1, 19)
        # Truth: half the influence is left.
        found = residual_influence(generator.normal(5, 1), generator.normal(10, 1), references)
        covered += found.low <= 0.5 <= found.high
    interval = clopper_pearson(covered, 2000, 0.999)
    assert interval.low < 0.9 < interval.high


def test_power_grows_with_the_effect_and_is_nothing_without_one():
    powers = [equivalence_power(effect, 19, 0.2) for effect in (1, 9, 12, 18, 40)]
    assert powers == sorted(powers)
    assert powers[0] == 0.0
    assert powers[-1] > 0.99


def test_holm_on_a_textbook_case():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_holm_never_helps_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert list(np.array(adjusted)[order]) == sorted(adjusted)


def test_clopper_pearson_on_published_values():
    # Rule of zero successes in ten: upper limit 1 - 0.025^(1/10) = 0.3085.
    none = clopper_pearson(0, 10)
    assert (none.low, none.high) == (0.0, pytest.approx(0.3085, abs=1e-4))
    some = clopper_pearson(10, 100)
    assert (some.low, some.high) == (pytest.approx(0.0490, abs=1e-4), pytest.approx(0.1762, abs=1e-4))


def test_auc_counts_pairs_that_are_won():
    assert auc(np.array([3.0, 1.0]), np.array([2.0, 0.0])) == pytest.approx(3 / 4)
    assert auc(np.array([1.0]), np.array([1.0])) == pytest.approx(1 / 2)


@given(st.integers(0, 2**32 - 1))
def test_auc_does_not_change_under_a_monotone_map(seed):
    generator = np.random.default_rng(seed)
    positives, negatives = generator.normal(size=8), generator.normal(size=9)
    assert auc(positives, negatives) == pytest.approx(auc(np.exp(positives), np.exp(negatives)))


def test_the_clustered_auc_is_the_auc_with_an_interval_around_it():
    generator = np.random.default_rng(3)
    clusters = np.repeat(np.arange(30), 10)
    positives = generator.normal(0.5, 1, 300)
    negatives = generator.normal(0, 1, (300, 5))
    found = clustered_auc(positives, negatives, clusters, seed=1)
    assert found.estimate == pytest.approx(auc(positives, negatives.ravel()))
    assert 0.5 < found.low < found.estimate < found.high < 0.8


def test_one_cluster_alone_has_no_interval_to_offer():
    found = clustered_auc(np.array([1.0, 2.0]), np.array([[0.0], [1.0]]), np.array([7, 7]), seed=1)
    assert (found.low, found.high) == (0.0, 1.0)


def test_tpr_is_read_at_the_asked_fpr():
    negatives = np.arange(100.0)
    found = tpr_at_fpr(np.array([98.5, 99.5, 200.0, 1.0]), negatives, 0.01)
    assert found.estimate == pytest.approx(3 / 4)
    assert found.low < 3 / 4 < found.high
