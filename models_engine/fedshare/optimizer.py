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
        self.steps = torch.zeros((len(table), 1), dtype=table.dtype, device=table.device)

    def step(self, gradient: Tensor, rows: Tensor | None = None, pace: Tensor | float = 1.0) -> None:
        """Apply one step.

        Args:
            gradient: [rows, d].
            rows: int64, the table's rows that step; None steps all of them.
            pace: how many times the learning rate each goes, [rows, 1] or one for all.
        """
        rate = self.learning_rate * pace
        if rows is None:
            self._advance(gradient, rate, self.table, self.first, self.second, self.steps)
            return
        state = (self.table, self.first, self.second, self.steps)
        taken = [tensor.index_select(0, rows) for tensor in state]
        self._advance(gradient, rate, *taken)
        for tensor, value in zip(state, taken, strict=True):
            tensor.index_copy_(0, rows, value)

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint needs beside the table."""
        return {"first": self.first, "second": self.second, "steps": self.steps}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` gave."""
        for name, tensor in self.state().items():
            tensor.copy_(state[name])

    def carry_on(self, earlier: "RowAdam", rows: Tensor) -> None:
        """Take over the momentum of rows that stood in an earlier table; `rows` [n] names them there, -1 for none."""
        here = rows >= 0
        for mine, theirs in ((self.first, earlier.first), (self.second, earlier.second), (self.steps, earlier.steps)):
            mine[here] = theirs[rows[here]]

    def _advance(
        self, gradient: Tensor, rate: Tensor | float, table: Tensor, first: Tensor, second: Tensor, steps: Tensor
    ) -> None:
        beta1, beta2 = self.betas
        steps.add_(1)
        first.lerp_(gradient, 1 - beta1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        # Both corrections are [rows, 1]: folded into the denominator they cost no pass over [rows, d].
        unbiased = (1 - beta2**steps).sqrt_()
        length = (1 - beta1**steps).div_(unbiased).div_(rate)
        table.addcdiv_(first, second.sqrt().add_(unbiased * 1e-8).mul_(length), value=-1)
