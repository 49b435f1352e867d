"""The attack of the benchmark, on margins whose distributions are known."""

from statistics import NormalDist

import numpy as np
import pytest

from benchmarks.forgetting.attack import Scores, attack

SUBJECTS, PAIRS, TARGETS, SHADOWS, HELD_OUT = 300, 3, 5, 40, 8
NORMAL = NormalDist()


def _margins(models: int, shift: float, seed: int) -> np.ndarray:
    """Each pair has a level of its own; to have learned it lifts its margin by one standard deviation."""
    level = np.random.default_rng(0).normal(0, 3, (SUBJECTS * PAIRS, 1))
    return level + shift + np.random.default_rng(seed).normal(0, 1, (SUBJECTS * PAIRS, models))


SCORES = Scores(
    subjects=np.repeat(np.arange(SUBJECTS), PAIRS),
    before=_margins(TARGETS, 1.0, 1),
    knew=_margins(SHADOWS, 1.0, 2),
    never=_margins(SHADOWS, 0.0, 3),
    held_out=_margins(HELD_OUT, 0.0, 4),
)


@pytest.mark.parametrize("shift", [1.0, 0.5, 0.0, -1.0])
def test_area_tail_and_influence_are_those_of_two_gaussians(shift):
    found = attack(SCORES, _margins(TARGETS, shift, 5))
    assert found.auc.estimate == pytest.approx(NORMAL.cdf(shift / 2**0.5), abs=0.02)
    assert found.tpr.estimate == pytest.approx(NORMAL.cdf(NORMAL.inv_cdf(0.01) + shift), abs=0.01)
    assert found.influence.estimate == pytest.approx(shift, abs=0.05)
    assert found.influence.low < shift < found.influence.high
    assert found.indistinguishable() == (shift == 0.0)


def test_who_forgot_too_much_is_found_out():
    found = attack(SCORES, _margins(TARGETS, -1.0, 5))
    assert found.auc.high < 0.45
    assert found.tpr.estimate < 0.02
    assert not found.unrecognised()


def test_a_level_that_is_right_on_average_alone_is_told_by_its_tail():
    """Every tenth pair keeps all, the others fall too far."""
    uneven = _margins(TARGETS, 0.0, 5) + np.where(np.arange(SUBJECTS * PAIRS) % 10 == 0, 1.8, -0.2)[:, None]
    found = attack(SCORES, uneven)
    assert found.influence.estimate == pytest.approx(0.0, abs=0.05)
    assert found.tpr.estimate > 0.02
    assert not found.indistinguishable()
