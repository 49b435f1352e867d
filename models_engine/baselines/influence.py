"""One Newton step on the affected rows: an influence function.

After SCIF (Li et al., 2023) and IFRU (Zhang et al., 2024).
"""

from dataclasses import replace

import torch
from torch import Tensor

from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning.strategy import ForgetTask, Forgotten

_DAMPING = 1.0


class InfluenceStep:
    """q_i ← q_i + (H_i + γI)⁻¹ Σ_{u : (u,i) withdrawn} ∇ℓ(u, i).

    ℓ = -log σ(s_u · q_i) is the pair's ranking loss with the margin to an average item taken as its
    score, H_i its Hessian over the retained subjects of i, block-diagonal by item (SCIF's selected
    parameters), γ the damping.
    """

    name = "influence"
    exact = False

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`."""
        model, before, after = task.model, task.before, task.after()
        withdrawn = task.withdrawn()
        gone = before.edges.among(withdrawn, before.n_items)
        retained = before.edges.where(~gone)
        items = model.items.clone()
        affected = torch.unique(withdrawn.items)
        for done, item in enumerate(affected.tolist()):
            left = model.subjects[withdrawn.subjects[withdrawn.items == item]]
            kept = model.subjects[retained.subjects[retained.items == item]]
            items[item] += _newton(model.items[item], left, kept)
            progress((done + 1) / len(affected))
        staying = model.keeping(~task.erased)
        cohort = task.make_cohort(model.config, Replicas([after], [model.seed]), None)
        return Forgotten(replace(staying, items=items), cohort)


def _newton(row: Tensor, left: Tensor, kept: Tensor) -> Tensor:
    """The step of one item row, [d]."""
    gradient = -(torch.sigmoid(-(left @ row))[:, None] * left).sum(0)
    chance = torch.sigmoid(kept @ row)
    hessian = (kept * (chance * (1 - chance))[:, None]).T @ kept
    return torch.linalg.solve(hessian + _DAMPING * torch.eye(len(row), device=row.device), gradient)
