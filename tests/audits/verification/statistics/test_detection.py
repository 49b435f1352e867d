"""Models against references, by hand and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from audits.verification.statistics.detection import detect, detect_or_even, detectable_shift, rank_p
from audits.verification.statistics.intervals import clopper_pearson

REFERENCES = np.array([1.0, 2.0, 3.0, 4.0, 5.0])


def test_crawford_howell_by_hand():
    # m = 3, sd = √2.5, K = 5: t = (6 - 3) / (√2.5 √1.2) = √3.
    found = detect(np.array([6.0]), REFERENCES)
    assert found.t == pytest.approx(math.sqrt(3))
    assert found.p == pytest.approx(2 * stats.t.sf(math.sqrt(3), 4))
    assert found.rank_p == pytest.approx(2 / 6)
    assert found.above() == pytest.approx(found.p / 2)


def test_welch_by_hand():
    # Means 6 and 3, variances 2 and 2.5, of 2 and 5: t = 3 / √(2/2 + 2.5/5) = √6.
    assert detect(np.array([5.0, 7.0]), REFERENCES).t == pytest.approx(math.sqrt(6))


def test_nineteen_references_can_reach_a_two_sided_rank_p_of_a_tenth():
    assert rank_p(100.0, np.arange(19.0)) == pytest.approx(0.1)


@pytest.mark.parametrize("references", [np.array([1.0, 2.0]), np.ones(10), np.array([1.0, np.nan, 2.0])])
def test_references_that_can_not_carry_a_test_are_refused(references):
    with pytest.raises(ValueError, match=r"references|finite"):
        detect(np.array([1.0]), references)


@pytest.mark.parametrize("models", [1, 8])
def test_the_test_keeps_its_size(models):
    generator = np.random.default_rng(1)
    samples = generator.normal(size=(4000, models + 19))
    rejected = sum(detect(row[:models], row[models:]).p <= 0.05 for row in samples)
    interval = clopper_pearson(rejected, 4000, 0.999)
    assert interval.low < 0.05 < interval.high


def test_references_that_all_agree_tell_nothing():
    assert detect_or_even(np.array([0.5]), np.zeros(19)).p == 1.0
    assert detect_or_even(np.array([6.0]), REFERENCES) == detect(np.array([6.0]), REFERENCES)


@given(st.floats(-10, 10), st.floats(0.1, 10), st.floats(-5, 5))
def test_detection_does_not_depend_on_units(value, scale, shift):
    one = detect(np.array([value]), REFERENCES)
    other = detect(np.array([value]) * scale + shift, REFERENCES * scale + shift)
    assert one.t == pytest.approx(other.t, abs=1e-6)


@pytest.mark.parametrize(("references", "at_80", "at_95"), [(8, 2.93, 3.90), (32, 2.58, 3.42), (128, 2.51, 3.32)])
def test_the_shift_that_can_be_detected_is_the_tabulated_one(references, at_80, at_95):
    assert detectable_shift(references, power=0.8) == pytest.approx(at_80, abs=0.005)
    assert detectable_shift(references, power=0.95) == pytest.approx(at_95, abs=0.005)
