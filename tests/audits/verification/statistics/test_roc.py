"""ROC curves: published values, brute force and invariances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from audits.verification.statistics.intervals import clopper_pearson
from audits.verification.statistics.roc import auc, auc_by_model, clustered_auc, delong, tail_scores, tpr_at_fpr


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


def test_delong_by_hand():
    # Positives 1, 3 against negatives 0, 2: components 1/2, 1 and 1, 1/2; variance (1/8)/2 + (1/8)/2 = 1/8.
    found = delong(np.array([1.0, 3.0]), np.array([0.0, 2.0]))
    assert found.estimate == pytest.approx(3 / 4)
    assert found.low == pytest.approx(3 / 4 - 1.959964 * np.sqrt(1 / 8), abs=1e-6)
    assert found.high == 1.0


def test_delongs_interval_covers_the_true_auc():
    generator = np.random.default_rng(4)
    truth = 0.7602  # Φ(1/√2) for a shift of one standard deviation
    found = [delong(generator.normal(1, 1, 60), generator.normal(0, 1, 60)) for _ in range(1500)]
    covered = clopper_pearson(sum(f.low <= truth <= f.high for f in found), 1500, 0.999)
    assert covered.low < 0.95 < covered.high + 0.01


def test_delong_needs_two_scores_on_each_side():
    with pytest.raises(ValueError, match="two scores"):
        delong(np.array([1.0]), np.array([0.0, 1.0]))


@pytest.mark.parametrize("models", [1, 4])
def test_the_clustered_auc_is_the_auc_with_an_interval_around_it(models):
    generator = np.random.default_rng(3)
    clusters = np.repeat(np.arange(30), 10)
    positives = generator.normal(0.5, 1, (300, models))
    negatives = generator.normal(0, 1, (300, 5))
    found = clustered_auc(positives, negatives, clusters, seed=1)
    assert found.estimate == pytest.approx(auc(positives, negatives))
    assert 0.5 < found.low < found.estimate < found.high < 0.8


def test_clusters_that_are_alike_inside_widen_the_interval():
    generator = np.random.default_rng(6)
    clusters, negatives = np.repeat(np.arange(20), 10), generator.normal(0, 1, (200, 5))
    alike = np.repeat(generator.normal(0, 1, (20, 1)), 10, axis=0)
    apart = generator.normal(0, 1, (200, 1))
    widths = [
        (lambda f: f.high - f.low)(clustered_auc(scores, negatives, clusters, seed=1)) for scores in (alike, apart)
    ]
    assert widths[0] > 1.5 * widths[1]


def test_one_cluster_of_one_model_has_no_interval_to_offer():
    found = clustered_auc(np.array([[1.0], [2.0]]), np.array([[0.0], [1.0]]), np.array([7, 7]), seed=1)
    assert (found.low, found.high) == (0.0, 1.0)


def test_the_auc_by_model_is_the_auc_of_each():
    generator = np.random.default_rng(7)
    scores, negatives = generator.normal(size=(12, 3)), generator.normal(size=(12, 4))
    assert auc_by_model(scores, negatives) == pytest.approx([auc(scores[:, m], negatives) for m in range(3)])
    others = [auc(negatives[:, k], np.delete(negatives, k, axis=1)) for k in range(4)]
    assert auc_by_model(negatives, negatives, own=True) == pytest.approx(others)


def test_tpr_is_read_at_the_asked_fpr():
    negatives, positives = np.arange(100.0), np.array([98.5, 99.5, 200.0, 1.0])
    found = tpr_at_fpr(positives, negatives, 0.01)
    assert found.estimate == pytest.approx(3 / 4)
    assert found.low < 3 / 4 < found.high


@pytest.mark.parametrize("pairs", [5, 40, 1000])
@pytest.mark.parametrize("heavy", [False, True])
def test_tail_scores_of_independent_scores_are_standard_normal_whatever_their_distribution(pairs, heavy):
    generator = np.random.default_rng(4)
    negatives, scores = (generator.normal(size=(pairs, models)) for models in (2000, 2000))
    if heavy:  # as likelihood ratios are
        negatives, scores = np.sinh(negatives**3), np.sinh(scores**3)
    found = tail_scores(scores, negatives, 0.01)
    assert kstest(found, "norm").pvalue > 0.001


def test_tail_scores_of_the_negatives_leave_each_model_out():
    negatives = np.random.default_rng(6).normal(size=(50, 6))
    alone = [tail_scores(negatives[:, [k]], np.delete(negatives, k, 1), 0.1)[0] for k in range(6)]
    assert tail_scores(negatives, negatives, 0.1, own=True) == pytest.approx(alone)


def test_tail_scores_grow_with_the_highest_scores_alone():
    generator = np.random.default_rng(7)
    negatives, scores = generator.normal(size=(300, 20)), generator.normal(size=(300, 1))
    before = tail_scores(scores, negatives, 0.01)
    low, high = scores.copy(), scores.copy()
    low[scores < 0] -= 5
    high[np.argsort(scores[:, 0])[-3:]] += 5
    assert tail_scores(low, negatives, 0.01) == before
    assert tail_scores(high, negatives, 0.01) > before + 1


def test_tail_scores_are_finite_beyond_everything_and_where_all_are_alike():
    negatives = np.random.default_rng(8).normal(size=(2000, 64))
    for scores in (np.full((2000, 1), 99.0), np.full((2000, 1), -99.0), np.zeros((2000, 1))):
        assert np.isfinite(tail_scores(scores, negatives, 0.01)).all()
    assert len(set(tail_scores(np.zeros((9, 3)), np.zeros((9, 3)), 0.01, own=True))) == 1
