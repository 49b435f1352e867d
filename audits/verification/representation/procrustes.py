"""Item tables in one frame, by the best rotation of rows that the data did not touch."""

import torch
from torch import Tensor

FEWEST_ANCHORS = 2
"""For each dimension; with fewer, the rotation would fit the noise."""


def align(tables: Tensor, frame: Tensor, watched: Tensor) -> Tensor:
    """The watched rows of each table, turned into the frame of another (Schönemann, Psychometrika 1966).

    The rotation R = argmin |A R - F| over all other rows, the anchors, is U Vᵀ of the singular value
    decomposition of AᵀF. Nothing is rescaled: a table that has grown is a different one.

    Args:
        tables: [k, items, d].
        frame: [items, d].
        watched: bool [items].

    Returns:
        [k, watched, d]
    """
    anchors = tables[:, ~watched]
    left, _, right = torch.linalg.svd(anchors.transpose(1, 2) @ frame[~watched])
    return tables[:, watched] @ (left @ right)


def residuals(rows: Tensor, others: Tensor) -> Tensor:
    """Distance of aligned rows [k, w, d] from others [l, w, d], as a part of the others' length; [k, l]."""
    flat, other = rows.flatten(1), others.flatten(1)
    return torch.cdist(flat, other) / other.norm(dim=1)
