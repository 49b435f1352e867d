"""Gradients in closed form against automatic differentiation in float64."""

import torch
from torch.nn import functional

from models_engine.fedshare.losses import LEAST_TEMPERATURE, bpr, info_nce

_NONE = torch.zeros(1, 9, dtype=torch.bool)
_ONE = torch.ones(1)


def _draw(*shape):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(3))


def test_bpr_of_equal_scores_is_log_two_with_slope_one_half():
    loss, slope = bpr(torch.zeros(1))
    torch.testing.assert_close(loss, torch.log(torch.tensor([2.0])))
    assert slope.item() == -0.5


def test_the_slope_of_bpr_is_its_derivative():
    margins = _draw(20).requires_grad_()
    loss, slope = bpr(margins)
    (expected,) = torch.autograd.grad(loss.sum(), margins)
    torch.testing.assert_close(slope, expected)


def test_info_nce_and_its_gradients_are_those_of_cross_entropy():
    anchors, targets, others = _draw(7, 4).requires_grad_(), _draw(7, 4).flip(0).requires_grad_(), _draw(5, 4) + 1
    a, t, o = (functional.normalize(x, dim=1) for x in (anchors, targets, others))
    logits = torch.cat([(a * t).sum(1, keepdim=True), a @ o.T], 1) / 0.3
    expected = functional.cross_entropy(logits, torch.zeros(7, dtype=torch.int64), reduction="none")
    of_anchors, of_targets = torch.autograd.grad(expected.sum(), (anchors, targets))
    found = info_nce(anchors.detach()[None], targets.detach()[None], others[None], 0.3, None, _ONE)
    torch.testing.assert_close(found.loss[0], expected)
    torch.testing.assert_close(found.anchors[0], of_anchors)
    torch.testing.assert_close(found.targets[0], of_targets)


def test_info_nce_passes_over_absent_negatives():
    anchors, targets, others = _draw(2, 7, 4), _draw(2, 7, 4).flip(1), _draw(2, 5, 4) + 1
    absent = torch.tensor([[False] * 5, [False, True, False, True, True]])
    found = info_nce(anchors, targets, others, 0.3, absent, torch.tensor([9.0, 2.0]))
    alone = info_nce(anchors[1:], targets[1:], others[1:, [0, 2]], 0.3, _NONE[:, :2], torch.tensor([2.0]))
    torch.testing.assert_close(found.loss[1:], alone.loss)
    torch.testing.assert_close(found.anchors[1:], alone.anchors)
    torch.testing.assert_close(found.targets[1:], alone.targets)


def test_info_nce_at_the_least_temperature_stays_within_32_bits():
    same = torch.ones(1, 1, 3)
    for anchors, targets, others in ((same, same, -same), (same, -same, same)):
        doubled = info_nce(*(x.double() for x in (anchors, targets, others)), LEAST_TEMPERATURE, None, _ONE.double())
        found = info_nce(anchors, targets, others.expand(1, 6000, 3), LEAST_TEMPERATURE, None, _ONE)
        assert all(torch.isfinite(part).all() for part in (found.loss, found.anchors, found.targets))
        found = info_nce(anchors, targets, others, LEAST_TEMPERATURE, None, _ONE)
        torch.testing.assert_close(found.loss.double(), doubled.loss, rtol=1e-5, atol=1e-30)


def test_info_nce_of_equal_similarities_is_the_log_of_their_number():
    same = torch.ones(1, 1, 3)
    found = info_nce(same, same, same.expand(1, 4, 3), 0.5, _NONE[:, :4], _ONE)
    torch.testing.assert_close(found.loss, torch.tensor([[5.0]]).log())
