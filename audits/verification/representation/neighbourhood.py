"""Where the watched items stand among all items, seen from inside: no rotation can change it."""

import torch
from torch import Tensor


def cosines(rows: Tensor, watched: Tensor, landmarks: Tensor) -> Tensor:
    """Cosines between watched items and landmarks, by table.

    Args:
        rows: directions of the items, [k, items, d].
        watched, landmarks: item numbers, int64 [w] and [l].

    Returns:
        [k, w, l]
    """
    return rows[:, watched] @ rows[:, landmarks].transpose(1, 2)


def rms_differences(one: Tensor, other: Tensor) -> Tensor:
    """Root mean square difference of each of [k, ...] from each of [l, ...]; [k, l]."""
    flat, others = one.flatten(1), other.flatten(1)
    return torch.cdist(flat, others) / flat.shape[1] ** 0.5


def nearest(rows: Tensor, watched: Tensor, k: int) -> Tensor:
    """The k items nearest to each watched item by cosine, itself left out; bool [tables, watched, items]."""
    near = rows[:, watched] @ rows.transpose(1, 2)
    near[:, torch.arange(len(watched)), watched] = -torch.inf
    lists = torch.zeros(near.shape, dtype=torch.bool)
    return lists.scatter_(2, near.topk(min(k, rows.shape[1] - 1), dim=2).indices, True)


def jaccard_distances(lists: Tensor, others: Tensor) -> Tensor:
    """1 - |A ∩ B| / |A ∪ B| over all lists of a table together; bool [k, w, items], [l, w, items] → [k, l]."""
    one, other = lists.flatten(1).float(), others.flatten(1).float()
    shared = one @ other.T
    return 1 - shared / (one.sum(1)[:, None] + other.sum(1)[None, :] - shared)
