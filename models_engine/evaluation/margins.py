"""How far pairs stand out against pairs never seen: the raw material of attacks and of calibration.

A margin is a pair's score less the mean score of its contrast pairs, in units of their standard
deviation. Contrast pairs are the same subject with items of like popularity that it never touched.
"""

import torch
from torch import Tensor
from torch.nn import functional

from models_engine.fedshare.data import Edges


def matched_items(pairs: Edges, touched: Edges, popularity: Tensor, count: int) -> Tensor:
    """For each pair, the untouched items nearest in popularity to its item.

    Args:
        pairs: the pairs to match.
        touched: every pair of these subjects that is known to be true.
        popularity: int64 [m].
        count: how many contrast items a pair gets.

    Returns:
        int64 [pairs, count].

    Raises:
        ValueError: a subject has touched nearly every item.
    """
    order = torch.argsort(popularity, stable=True)
    matched = torch.empty(len(pairs), count, dtype=torch.int64)
    window = torch.arange(count) - count // 2
    for subject in torch.unique(pairs.subjects):
        free = torch.ones(len(popularity), dtype=torch.bool)
        free[touched.items[touched.subjects == subject]] = False
        candidates = order[free[order]]
        if len(candidates) < count:
            raise ValueError(f"only {len(candidates)} items are left to contrast with, {count} are needed")
        mine = pairs.subjects == subject
        near = torch.searchsorted(popularity[candidates].contiguous(), popularity[pairs.items[mine]])
        start = (near[:, None] + window[0]).clamp(0, len(candidates) - count)
        matched[mine] = candidates[start + torch.arange(count)]
    return matched


def fold_in_margins(table: Tensor, pairs: Edges, contrast: Tensor) -> Tensor:
    """Margins of pairs scored by the subject's other pairs, from the item table alone.

    The score of (u, i) is the cosine sum between i and the rest of u's pairs. It needs no row of
    the subject, so it survives the deletion of that row.

    Args:
        table: item rows [m, d].
        pairs: pairs that also form the subjects' contexts; a subject with one pair gets margin 0.
        contrast: int64 [pairs, count], from `matched_items`.

    Returns:
        float32 [pairs].
    """
    _, group = torch.unique(pairs.subjects, return_inverse=True)
    rows = functional.normalize(table - table.mean(0), dim=-1)
    own = rows[pairs.items]
    context = torch.zeros(int(group.max()) + 1, table.shape[1]).index_add(0, group, own)[group] - own
    margins = _standardised((own * context).sum(-1), torch.einsum("pd,pkd->pk", context, rows[contrast]))
    return margins.masked_fill(torch.bincount(group)[group] < 2, 0.0)


def pair_margins(subjects: Tensor, items: Tensor, pairs: Edges, contrast: Tensor) -> Tensor:
    """Margins of pairs scored by the inner product of the two views.

    Args:
        subjects: views [n, d].
        items: views [m, d].
        contrast: int64 [pairs, count].

    Returns:
        float32 [pairs].
    """
    of_subject = subjects[pairs.subjects]
    score = (of_subject * items[pairs.items]).sum(-1)
    return _standardised(score, torch.einsum("pd,pkd->pk", of_subject, items[contrast]))


def _standardised(score: Tensor, against: Tensor) -> Tensor:
    return (score - against.mean(1)) / against.std(1).clamp(min=1e-9)
