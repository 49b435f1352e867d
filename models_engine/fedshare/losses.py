"""The two terms of the loss."""

import torch
from torch import Tensor
from torch.nn import functional


def bpr(positive: Tensor, negative: Tensor) -> Tensor:
    """Bayesian personalised ranking, -log σ(s⁺ - s⁻) for each pair (Rendle et al., UAI 2009)."""
    return functional.softplus(negative - positive)


def info_nce(anchors: Tensor, targets: Tensor, others: Tensor, temperature: float) -> Tensor:
    """InfoNCE of each anchor against its target and shared negatives (Oord et al., 2018).

    Args:
        anchors: [nodes, replicas, d].
        targets: [nodes, replicas, d], the other view of the same nodes.
        others: [negatives, replicas, d], the other view of other nodes.

    Returns:
        Loss of each node and replica, [nodes, replicas].
    """
    anchors, targets, others = (functional.normalize(x, dim=-1) for x in (anchors, targets, others))
    same = (anchors * targets).sum(-1, keepdim=True) / temperature
    different = torch.einsum("nrd,krd->nrk", anchors, others) / temperature
    return torch.logsumexp(torch.cat([same, different], -1), -1) - same.squeeze(-1)
