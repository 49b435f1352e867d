"""Distance between item tables that no rotation of the embedding space can change."""

import numpy as np
from scipy.linalg import orthogonal_procrustes

from audits.verification.statistics import Floats


def procrustes_residual(table: Floats, other: Floats, anchors: Floats, watched: Floats) -> float:
    """Relative distance of watched rows after the best rotation of the anchors (Schönemann 1966).

    Args:
        table, other: [items, d].
        anchors: bool [items], rows that fix the rotation.
        watched: bool [items], rows that are compared.

    Returns:
        Root mean square of the residual over that of `other`'s watched rows.
    """
    rotation, _ = orthogonal_procrustes(table[anchors], other[anchors])
    residual = table[watched] @ rotation - other[watched]
    return float(np.linalg.norm(residual) / np.linalg.norm(other[watched]))


def distances_to_references(table: Floats, references: list[Floats], anchors: Floats, watched: Floats) -> float:
    """Mean Procrustes residual to every reference."""
    return float(np.mean([procrustes_residual(table, other, anchors, watched) for other in references]))
