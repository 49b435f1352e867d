"""Rows of several worlds side by side, so that worlds of different size compute at once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models_engine.fedshare import keyed


@dataclass(frozen=True)
class Negatives:
    """The nodes that every node of a world is contrasted with in a round."""

    rows: Tensor
    """int64 [worlds, negatives]"""
    absent: Tensor | None
    """Bool [worlds, negatives]: where a world has fewer nodes than negatives are wanted; the row means nothing. None
    where every world has enough.
    """


class Stack:
    """Rows ordered by world, as [worlds, longest, …] and back."""

    def __init__(self, world: Tensor, count: int):
        """
        Args:
            world: int64 [rows], ascending: which world each row belongs to.
            count: how many worlds there are.
        """
        self.sizes = torch.bincount(world, minlength=count)
        self._starts = torch.cumsum(self.sizes, 0) - self.sizes
        fewest, most = (int(size) for size in torch.stack(self.sizes.aminmax()).tolist())
        self._fewest, self._shape = fewest, (count, most)
        self._place = (
            torch.arange(len(world), device=world.device)
            + (torch.arange(count, device=world.device) * self._shape[1] - self._starts)[world]
        )
        self._even = self._shape[0] * self._shape[1] == len(world)
        self._filled = torch.arange(self._shape[1], device=world.device) < self.sizes[:, None]

    def spread(self, rows: Tensor, fill: float = 0.0) -> Tensor:
        """Rows [rows, …] as [worlds, longest, …]; what no row stands for is `fill`."""
        if self._even:
            return rows.unflatten(0, self._shape)
        spread = rows.new_full((self._shape[0] * self._shape[1], *rows.shape[1:]), fill)
        spread[self._place] = rows
        return spread.unflatten(0, self._shape)

    def collect(self, spread: Tensor) -> Tensor:
        """What `spread` laid out, as [rows, …] again."""
        rows = spread.flatten(0, 1)
        return rows if self._even else rows[self._place]

    def sums(self, spread: Tensor) -> Tensor:
        """The sum of each world's numbers, [worlds]; what no row stands for is left out."""
        return torch.where(self._filled, spread, 0.0).sum(1)

    def negatives(self, count: int, mixed: Tensor, round_number: int) -> Negatives:
        """So many rows of each world (or all, if fewer), drawn by key.

        Args:
            mixed: int64 [rows], the hash of each row's key, to be extended by the round.
        """
        draws = self.spread(keyed.unit(keyed.extend(mixed, round_number)), fill=torch.inf)
        count = min(count, self._shape[1])
        values, places = torch.topk(draws, count, dim=1, largest=False)
        rows = places + self._starts[:, None]
        if count <= self._fewest:
            return Negatives(rows, None)
        absent = torch.isinf(values)
        return Negatives(rows.masked_fill_(absent, 0), absent)
