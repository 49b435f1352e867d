"""The population attack."""

import numpy as np
import pytest

from audits.verification.membership.population import population
from audits.verification.statistics.roc import auc


def _side(generator, shift: float, models: int, habit: float = 0.0):
    """Margins of pairs and of population pairs; `habit` is added to all of a model's scores."""
    return generator.normal(shift + habit, 1, (300, models)), generator.normal(habit, 1, (300, models))


def test_a_model_that_knows_ranks_its_pairs_above_the_population():
    generator = np.random.default_rng(1)
    found = population(_side(generator, 1.0, 1), _side(generator, 1.0, 1), _side(generator, 0.0, 12))
    assert auc(found.after, found.without) > 0.65
    assert ((found.after >= 0) & (found.after <= 1)).all()


def test_a_model_that_scores_everything_higher_does_not_look_as_if_it_remembered():
    generator = np.random.default_rng(2)
    found = population(_side(generator, 0.0, 1, habit=1.0), _side(generator, 1.0, 1), _side(generator, 0.0, 12))
    assert abs(auc(found.after, found.without) - 0.5) < 0.06


def test_one_pair_by_hand():
    # Margin 0 is probability 1/2. References say 1/2: p(x) = (1.3/2 + 0.7)/2 = 0.675, for z as well, so the ratios tie.
    zero = np.zeros((1, 1))
    (score,) = population((zero, zero), (zero, zero), (np.zeros((1, 4)), np.zeros((1, 4)))).after.ravel()
    assert score == pytest.approx(1.0)
