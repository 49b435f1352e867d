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
        if rows is None:
            new = [updated, first, second, steps]
        else:
            mask = rows[..., None]
            old = (self.table, self.first, self.second, self.steps)
            new = tuple(torch.where(mask, n, o) for n, o in zip((updated, first, second, steps), old, strict=True))
        for target, value in zip((self.table, self.first, self.second, self.steps), new, strict=True):
            target.copy_(value)

    def state(self) -> dict[str, Tensor]:
        """The moments and step counts, for a checkpoint."""
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def load(self, state: dict[str, Tensor]) -> None:
        """Restore what `state` gave."""
        self.first.copy_(state["first"])
        self.second.copy_(state["second"])
        self.steps.copy_(state["steps"])
