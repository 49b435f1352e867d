"""Models of this engine, as an auditor sees them."""

import torch
from torch import Tensor

from audits.verification.errors import AuditError
from audits.verification.exposure import Exposure, Scores
from models_engine.fedshare.data import SharedData, rows_of
from models_engine.fedshare.model import Model

AFTER_ERASURE = ("fold_in_on_item_rows", "fold_in_on_item_views", "neighbours_on_item_rows")
"""Statistics that survive the deletion of the subject's own row."""
AFTER_UNSHARING = (*AFTER_ERASURE, "pairs_on_rows", "pairs_on_views")
"""Where the subject stays, the row is there to be looked at as well."""


def expose(model: Model, data: SharedData, subject_keys: Tensor) -> Exposure:
    """The model's rows, and its views over the graph that it serves with.

    Args:
        data: what the model serves with.
        subject_keys: int64 [n], by which the request under audit counts subjects. The model may lack some.
    """
    subjects, items = model.views(data)
    rows = rows_of(subject_keys, model.subject_keys)
    return Exposure(
        scores={"rows": _products(rows, model.subjects, model.items), "views": _products(rows, subjects, items)},
        items={"item_rows": model.items, "item_views": items},
    )


def _products(rows: Tensor, subjects: Tensor, items: Tensor) -> Scores:
    def scores(of: Tensor, with_items: Tensor) -> Tensor:
        if (rows[of] < 0).any():
            raise AuditError("pairs need the subjects' own rows, and a model has none for some of them")
        return torch.einsum("pd,pcd->pc", subjects[rows[of]], items[with_items])

    return scores
