"""The likelihood-ratio attack on Gaussians of which the truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.verification.membership import likelihood_ratio
from audits.verification.membership.projection import levels
from audits.verification.statistics.detection import detect
from audits.verification.statistics.intervals import clopper_pearson
from audits.verification.statistics.roc import auc, auc_by_model

PAIRS = 400


def _world(seed: int = 1, models: int = 24, shift: float = 1.0):
    """Margins of models that know, and of models that never did; each pair has its own level and its own shift."""
    generator = np.random.default_rng(seed)
    level = generator.normal(0, 2, (PAIRS, 1))
    of_pair = shift * generator.choice([-1.0, 1.0], (PAIRS, 1))
    known = level + of_pair + generator.normal(0, 1, (PAIRS, models))
    return known, level + generator.normal(0, 1, (PAIRS, models))


def test_the_offline_score_by_hand():
    # Out models at 1, 2, 3 (mean 2, sd 1): a margin of 4 lies 2 / √(1 + 1/3) above.
    found = likelihood_ratio.offline(np.array([[4.0]]), np.array([[2.0]]), np.array([[1.0, 2.0, 3.0]]))
    assert found.after[0, 0] == pytest.approx(2 / np.sqrt(4 / 3))
    # The first model is judged by 2 and 3 alone: mean 2.5, sd √0.5.
    assert found.without[0, 0] == pytest.approx(-1.5 / np.sqrt(0.5 * 1.5))


def test_the_online_score_by_hand():
    # N(2, 1) against N(0, 1), each widened by 4/3: Λ(s) = (s² - (s - 2)²) / (2 · 4/3) = (4s - 4) / (8/3).
    known, without = np.array([[1.0, 2.0, 3.0]]), np.array([[-1.0, 0.0, 1.0]])
    found = likelihood_ratio.online(np.array([[1.0, 3.0]]), known, without)
    assert found.after[0] == pytest.approx([0.0, 3.0])


@pytest.mark.parametrize("per_example", [False, True])
def test_online_finds_shifts_of_either_sign_that_offline_can_not(per_example):
    known, without = _world()
    online = likelihood_ratio.online(known[:, :1], known[:, 1:], without, per_example)
    offline = likelihood_ratio.offline(known[:, :1], known[:, 1:], without, per_example)
    assert auc(online.after, online.without) > 0.7
    assert abs(auc(offline.after, offline.without) - 0.5) < 0.06


@pytest.mark.parametrize("per_example", [False, True])
def test_models_left_out_score_like_new_ones(per_example):
    """Without leaving out, the models that the attack learned from would look more typical than they are."""
    known, without = _world(models=25)
    found = likelihood_ratio.online(without[:, :1], known, without[:, 1:], per_example)
    assert abs(auc(found.after, found.without) - 0.5) < 0.05


def test_unlearned_models_that_share_noise_with_their_origin_need_to_be_paired():
    known, without = _world(shift=0.0)
    forgotten = known + np.random.default_rng(2).normal(0, 0.1, known.shape)  # nothing to forget, noise is kept
    paired, unpaired = (likelihood_ratio.online(forgotten, known, without, paired=paired) for paired in (True, False))
    assert auc(unpaired.after, unpaired.without) > 0.53
    assert abs(auc(paired.after, paired.without) - 0.5) < 0.03


def test_the_unlearning_form_finds_what_forgetting_leaves():
    known, without = _world()
    found = likelihood_ratio.unlearned((known + without) / 2, known, without)
    assert found.after.shape == found.without.shape == (PAIRS, 12)
    assert auc(found.after, found.without) > 0.6


def test_the_unlearning_form_keeps_its_size_where_forgetting_is_perfect():
    """AUC by model, attacked models against attacked references: pairs are alike, so chance directions show."""
    generator, rejected = np.random.default_rng(8), 0
    for _ in range(400):
        common = generator.normal(0, 0.5, (1, 48))  # what a model has in all pairs
        models = generator.normal(0, 1, (40, 48)) + common
        found = likelihood_ratio.unlearned(models[:, :24], models[:, :24], models[:, 24:])
        aucs = auc_by_model(found.after, found.without), auc_by_model(found.without, found.without, own=True)
        rejected += detect(*aucs).p <= 0.05
    assert clopper_pearson(rejected, 400, 0.999).low < 0.05


def test_two_models_of_a_kind_are_too_few_for_the_online_attack():
    with pytest.raises(ValueError, match="three models"):
        likelihood_ratio.online(np.ones((4, 1)), np.ones((4, 2)), np.ones((4, 5)))


@given(st.floats(0.1, 10), st.floats(-10, 10))
def test_scores_do_not_depend_on_units(scale, shift):
    known, without = _world(models=4)
    one = likelihood_ratio.online(known[:, :1], known[:, 1:], without)
    other = likelihood_ratio.online(*(side * scale + shift for side in (known[:, :1], known[:, 1:], without)))
    assert np.allclose(one.after, other.after, atol=1e-6)


def test_levels_grow_by_one_from_never_knowing_to_knowing():
    known, without = _world()
    found = levels(known[:, :8], known[:, 8:], without)
    scale = found.known.mean() - found.without.mean()
    assert found.after.mean() - found.without.mean() == pytest.approx(scale, abs=0.08)
    assert scale == pytest.approx(0.95, abs=0.1)  # short of 1 by the noise of the means
    half = levels((known[:, :8] + without[:, :8]) / 2, known[:, 8:], without[:, 8:])
    part = (half.after.mean() - half.without.mean()) / (half.known.mean() - half.without.mean())
    assert part == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("shift", [0.0, 0.2, 1.0])
def test_levels_of_new_models_fall_where_those_left_out_do(shift):
    """Many pairs and hardly an effect: here the noise of the means would show, if it were not the same for all."""
    found = []
    for seed in range(40):
        known, without = _world(seed, models=17, shift=shift)
        level = levels(without[:, :1], known, without[:, 1:])
        found.append((level.after[0] - level.without.mean()) / level.without.std(ddof=1))
    assert abs(np.mean(found)) < 3 / np.sqrt(40)


def test_levels_of_models_that_share_noise_are_paired():
    known, without = _world(shift=0.0)
    paired, unpaired = (levels(known + 0.0, known, without, paired=paired) for paired in (True, False))
    assert abs(paired.after.mean() - paired.without.mean()) < 0.1
    assert unpaired.after.mean() - unpaired.without.mean() > 0.3


def test_with_one_model_that_knows_all_pairs_weigh_the_same():
    known, without = _world()
    found = levels(known[:, :1], known[:, :1], without)
    assert found.without == pytest.approx(without.mean(axis=0))
