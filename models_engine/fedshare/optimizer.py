"""Adam whose rows step only when they take part."""

import torch
from torch import Tensor


class RowAdam:
    """Adam (Kingma & Ba, ICLR 2015) on one table, in place, with a step count for each row.

    A device that sits out a round keeps its moments, as a real one would.
    """

    def __init__(self, table: Tensor, learning_rate: float, betas: tuple[float, float] = (0.9, 0.999)):
        self.table = table
        self.learning_rate = learning_rate
        self.betas = betas
        self.first = torch.zeros_like(table)
        self.second = torch.zeros_like(table)
        self.steps = torch.zeros((*table.shape[:-1], 1), dtype=table.dtype, device=table.device)

    def step(self, gradient: Tensor, rows: Tensor | None = None) -> None:
        """Apply one step.

        Args:
            gradient: shape of the table.
            rows: bool mask of the table's leading dimensions; None steps every row.
        """
        beta1, beta2 = self.betas
        first = torch.lerp(gradient, self.first, beta1)
        second = torch.lerp(gradient * gradient, self.second, beta2)
        steps = self.steps + 1
        corrected = (second / (1 - beta2**steps)).sqrt_().add_(1e-8)
        updated = self.table - self.learning_rate / (1 - beta1**steps) * first / corrected
        for target, value in (
            (self.table, updated),
            (self.first, first),
            (self.second, second),
            (self.steps, steps),
        ):
            target.copy_(value if rows is None else torch.where(rows[..., None], value, target))
