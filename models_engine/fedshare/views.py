"""The server's global view of subjects and items."""

from torch import Tensor

from models_engine.fedshare.graph import Incidence


def propagate(graph: Incidence, subjects: Tensor, items: Tensor, layers: int) -> tuple[Tensor, Tensor]:
    """LightGCN: the mean of layers 0..L of repeated multiplication with the shared graph.

    The operator is linear and symmetric, so it is its own gradient: feeding it the gradients of
    the views gives the gradients of the rows.

    Args:
        graph: normalised incidence, [n, m].
        subjects: [n, d].
        items: [m, d].
        layers: L, at least 1.

    Returns:
        Views of subjects and items, of the same shapes.
    """
    subject_sum, item_sum = subjects.clone(), items.clone()
    for _ in range(layers - 1):
        subjects, items = graph @ items, graph.transposed(subjects)
        subject_sum += subjects
        item_sum += items
    graph.add_to(subject_sum, item_sum, subjects, items)
    return subject_sum.div_(layers + 1), item_sum.div_(layers + 1)
