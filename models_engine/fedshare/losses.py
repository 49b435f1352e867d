"""The two terms of the loss, each with its gradient in closed form."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

LEAST_TEMPERATURE = 1 / 80
"""Of InfoNCE: the sum of exp(cosine/τ) over six thousand negatives is still a 32-bit number."""


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
    anchors: Tensor, targets: Tensor, others: Tensor, temperature: float, absent: Tensor | None, weights: Tensor
) -> Contrast:
    """Contrast each anchor's target with its world's negatives (Oord et al., 2018).

    With unit vectors a, t, o_k and p the softmax of (a·t, a·o_1, …)/τ:
    L = -w log p_0, ∂L/∂a = w (Σ p_k o_k - (1 - p_0) t)/τ, ∂L/∂t = -w (1 - p_0) a/τ.
    The negatives count as constants, so that no node's loss moves another node.

    Args:
        anchors: [worlds, nodes, d].
        targets: [worlds, nodes, d], the other view of the same nodes.
        others: [worlds, negatives, d], the other view of other nodes.
        temperature: τ, at least `LEAST_TEMPERATURE`.
        absent: bool [worlds, negatives], which of these to pass over; None for none.
        weights: w [worlds], of each of a world's nodes in the loss.
    """
    weights = weights[:, None, None]
    per_anchor, per_target = (x.norm(dim=-1, keepdim=True).clamp_(min=1e-12).reciprocal_() for x in (anchors, targets))
    a, o = anchors * per_anchor, functional.normalize(others, dim=-1)
    cosine = (a * targets).sum(-1, keepdim=True).mul_(per_target)
    # The largest tensor by far: it is made once and changed in place. No largest exponent has to be taken off, since
    # a cosine is at most one.
    different = torch.bmm(a, o.mT / temperature).exp_()
    if absent is not None:
        different.masked_fill_(absent[:, None], 0.0)
    own = torch.exp(cosine / temperature)
    total = different.sum(-1, keepdim=True).add_(own)
    miss = (1 - own / total).div_(temperature)
    # Products of two tensors, since those of three with a column among them are not vectorised.
    of_anchor = torch.bmm(different, o).div_(total * temperature).sub_(targets * (miss * per_target))
    # Along the sphere: normalisation lets nothing else through.
    of_anchor.sub_(a * (of_anchor * a).sum(-1, keepdim=True))
    of_target = (targets * (cosine * per_target)).sub_(a)
    return Contrast(
        loss=(weights * (total.log_() - cosine / temperature)).squeeze(-1),
        anchors=of_anchor.mul_(weights * per_anchor),
        targets=of_target.mul_(miss * weights * per_target),
    )
