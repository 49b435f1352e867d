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
    """Of each node, [nodes]."""
    anchors: Tensor
    """Gradient of the summed loss, [nodes, d]."""
    targets: Tensor
    """The same with respect to the other view, [nodes, d]."""


def info_nce(anchors: Tensor, targets: Tensor, others: Tensor, temperature: float) -> Contrast:
    """Contrast each anchor's target with shared negatives (Oord et al., 2018).

    With unit vectors a, t, o_k and p the softmax of (a·t, a·o_1, …)/τ:
    L = -log p_0, ∂L/∂a = (Σ p_k o_k - (1 - p_0) t)/τ, ∂L/∂t = -(1 - p_0) a/τ.
    The negatives count as constants, so that no node's loss moves another node.

    Args:
        anchors: [nodes, d].
        targets: [nodes, d], the other view of the same nodes.
        others: [negatives, d], the other view of other nodes.
    """
    anchor_norm, target_norm = (x.norm(dim=1, keepdim=True).clamp(min=1e-12) for x in (anchors, targets))
    a, t, o = anchors / anchor_norm, targets / target_norm, functional.normalize(others, dim=1)
    same = (a * t).sum(1, keepdim=True) / temperature
    different = (a @ o.T).div_(temperature)
    total = torch.logsumexp(torch.cat([same, different], 1), 1, keepdim=True)
    miss = (1 - torch.exp(same - total)) / temperature
    of_anchor = different.sub_(total).exp_().div_(temperature) @ o - miss * t
    of_target = -miss * a
    return Contrast(
        loss=(total - same).squeeze(1),
        anchors=_along_sphere(of_anchor, a) / anchor_norm,
        targets=_along_sphere(of_target, t) / target_norm,
    )


def _along_sphere(gradient: Tensor, unit: Tensor) -> Tensor:
    """The part of a gradient that normalisation lets through."""
    return gradient - (gradient * unit).sum(1, keepdim=True) * unit
