"""What tells how far margins must fall, on falls that are known by construction."""

import pytest
import torch

from models_engine.fedshare.unlearning import FallRegression


def test_falls_are_predicted_from_features_and_vary_as_much_as_they_did():
    generator = torch.Generator().manual_seed(1)
    values, noise = torch.randn(4000, 3, generator=generator), torch.randn(4000, generator=generator)
    falls = 0.5 + values @ torch.tensor([1.0, -2.0, 0.0]) + 5**0.5 * noise
    fall = FallRegression.fitted(values, falls, stretched=True)
    assert fall.explained == pytest.approx(0.5, abs=0.04)  # the noise has the variance of what is told
    assert fall.weights == pytest.approx((2**0.5, -2 * 2**0.5, 0.0), abs=0.16)
    assert float(fall(values).std()) == pytest.approx(float(falls.std()), rel=0.03)
    assert float(fall(torch.zeros(1, 3))) == pytest.approx(0.5, abs=0.12)
    shrunk = FallRegression.fitted(values, falls, stretched=False)
    assert shrunk.weights == pytest.approx((1.0, -2.0, 0.0), abs=0.12)
    # Nothing is taken for more than the actors showed.
    assert float(fall(torch.tensor([[100.0, 0.0, 0.0]]))) < 0.5 + 1.2 * 2**0.5 * 4


def test_features_that_tell_nothing_are_not_stretched_to_the_variance_of_the_falls():
    generator = torch.Generator().manual_seed(3)
    values, falls = torch.randn(400, 3, generator=generator), torch.randn(400, generator=generator)
    fall = FallRegression.fitted(values, falls, stretched=True)
    assert fall.explained < 0.05
    assert float(fall(values).std()) < 0.15


def test_a_fall_counts_as_often_as_it_stands_for_a_pair():
    values = torch.randn(400, 1, generator=torch.Generator().manual_seed(4))
    many = torch.arange(400) % 2 == 0
    falls = torch.where(many, 2.0, -1.0) * values[:, 0]
    fall = FallRegression.fitted(values, falls, torch.where(many, 99, 1), stretched=False)
    assert fall.weights[0] == pytest.approx(0.99 * 2.0 + 0.01 * -1.0, abs=0.05)
    predicted = fall(values)
    assert float((torch.where(many, 99, 1) * (predicted - falls)).sum()) == pytest.approx(0.0, abs=0.1)


@pytest.mark.parametrize("actors", [1, 2, 10])
def test_few_actors_and_a_feature_that_never_differs_give_a_fall_near_their_mean(actors):
    values = torch.randn(actors, 3, generator=torch.Generator().manual_seed(2))
    values[:, 1] = 0.25
    falls = torch.linspace(0.1, 0.3, actors)
    fall = FallRegression.fitted(values, falls, stretched=True)
    predicted = fall(values)
    assert predicted.mean() == pytest.approx(float(falls.mean()), abs=1e-5)
    if fall.explained <= 0:  # the mean is the better guess
        torch.testing.assert_close(predicted, falls.mean().expand(actors))
    assert fall.explained <= 0 or actors == 10
