"""The two terms of the loss, each with its gradient in closed form."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


def bpr(margins: Tensor) -> tuple[Tensor, Tensor]:
    """Bayesian personalised ranking, -log σ(s⁺ - s⁻), and its derivative (Rendle et al., UAI 2009)."""
    return functional.softplus(-margins), -torch.sigmoid(-margins)


@dataclass(frozen=True)
class Contrast:
    """InfoNCE of some nodes, and its gradients with respect to two views of them."""

    loss: Tensor
    """Of each node, [worlds, nodes]."""
    anchors: Tensor
    """Gradient of the summed loss, [worlds, nodes, d]."""
    targets: Tensor
    """The same with respect to the other view, [worlds, nodes, d]."""


def info_nce(
    anchors: Tensor, targets: Tensor, others: Tensor, temperature: float, absent: Tensor, weights: Tensor
) -> Contrast:
    """Contrast each anchor's target with its world's negatives (Oord et al., 2018).

    With unit vectors a, t, o_k and p the softmax of (a·t, a·o_1, …)/τ:
    L = -w log p_0, ∂L/∂a = w (Σ p_k o_k - (1 - p_0) t)/τ, ∂L/∂t = -w (1 - p_0) a/τ.
    The negatives count as constants, so that no node's loss moves another node.

    Args:
        anchors: [worlds, nodes, d].
        targets: [worlds, nodes, d], the other view of the same nodes.
        others: [worlds, negatives, d], the other view of other nodes.
        absent: bool [worlds, negatives], which of these to pass over.
        weights: w [worlds], of each of a world's nodes in the loss.
    """
    weights = weights[:, None, None]
    anchor_norm, target_norm = (x.norm(dim=-1, keepdim=True).clamp_(min=1e-12) for x in (anchors, targets))
    a, t, o = anchors / anchor_norm, targets / target_norm, functional.normalize(others, dim=-1)
    cosine = (a * t).sum(-1, keepdim=True)
    same = cosine / temperature
    # The largest tensor by far: it is made once and changed in place.
    passed_over = o.new_zeros(absent.shape).masked_fill_(absent, -torch.inf)[:, None]
    different = torch.baddbmm(passed_over, a, o.mT / temperature)
    largest = torch.maximum(different.amax(-1, keepdim=True), same)
    different.sub_(largest).exp_()
    own = torch.exp(same - largest)
    total = different.sum(-1, keepdim=True).add_(own)
    miss = (1 - own / total).div_(temperature)
    of_anchor = (different @ o).div_(total * temperature).addcmul_(miss, t, value=-1)
    # Along the sphere: normalisation lets nothing else through.
    of_anchor.addcmul_((of_anchor * a).sum(-1, keepdim=True), a, value=-1)
    return Contrast(
        loss=(weights * (total.log_() + largest - same)).squeeze(-1),
        anchors=of_anchor.mul_(weights / anchor_norm),
        targets=torch.addcmul(a, cosine, t, value=-1).mul_(-miss * weights / target_norm),
    )
