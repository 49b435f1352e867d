"""Linear CKA, for context alone: it hardly sees one subject among thousands."""

import torch
from torch import Tensor


def linear_cka(one: Tensor, other: Tensor) -> float:
    """Centred kernel alignment of two tables of the same items (Kornblith et al., ICML 2019).

    Args:
        one: [items, d].
        other: [items, e].
    """
    x, y = one.double() - one.double().mean(0), other.double() - other.double().mean(0)
    return float((x.T @ y).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm()))


def mean_cka(table: Tensor, others: Tensor) -> float:
    """Mean linear CKA of a table with others, [k, items, d]."""
    return float(torch.tensor([linear_cka(table, other) for other in others]).mean())
