"""Distance between item tables that no rotation of the embedding space can change."""

import numpy as np
from numpy.typing import NDArray

from audits.verification.statistics import Floats


def procrustes_residuals(tables: Floats, others: Floats, watched: NDArray[np.bool_]) -> Floats:
    """Relative distance of watched rows, after the best rotation of all other rows (Schönemann 1966).

    The rotation R = argmin |A_a R - B_a| over the anchors a is U Vᵀ of the singular value
    decomposition of A_aᵀ B_a; the residual of the watched rows w then needs their inner products
    alone, |A_w R - B_w|² = |A_w|² + |B_w|² - 2 tr(Rᵀ A_wᵀ B_w).

    Args:
        tables: [k, items, d].
        others: [l, items, d].
        watched: bool [items], rows that are compared; the rest are the anchors.

    Returns:
        [k, l], root of the residual's square sum over that of the other table's watched rows.
    """
    left, _, right = np.linalg.svd(_cross(tables[:, ~watched], others[:, ~watched]))
    rotations = left @ right
    aligned = np.einsum("klde,klde->kl", rotations, _cross(tables[:, watched], others[:, watched]))
    own, other = _square_sums(tables[:, watched]), _square_sums(others[:, watched])
    squares = own[:, None] + other[None, :] - 2 * aligned
    return np.sqrt(np.maximum(squares, 0.0) / other[None, :])


def _cross(tables: Floats, others: Floats) -> Floats:
    """AᵀB for every pair of tables, [k, l, d, d]."""
    k, rows, d = tables.shape
    flat, other = tables.transpose(0, 2, 1).reshape(k * d, rows), others.transpose(1, 0, 2).reshape(rows, -1)
    return (flat @ other).reshape(k, d, len(others), d).transpose(0, 2, 1, 3)


def _square_sums(tables: Floats) -> Floats:
    return np.einsum("kid,kid->k", tables, tables)
