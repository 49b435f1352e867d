"""The shared data that the server learns from."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models_engine.fedshare.graph import Incidence, normalized


@dataclass(frozen=True)
class Edges:
    """Pairs of subject and item, as row indices."""

    subjects: Tensor
    """int64 [pairs]"""
    items: Tensor
    """int64 [pairs]"""

    def __len__(self) -> int:
        return len(self.subjects)

    def where(self, mask: Tensor) -> "Edges":
        """The pairs for which the bool mask [pairs] holds."""
        return Edges(self.subjects[mask], self.items[mask])

    def without(self, others: "Edges", n_items: int) -> "Edges":
        """The pairs that are not among others."""
        return self.where(~self.among(others, n_items))

    def among(self, others: "Edges", n_items: int) -> Tensor:
        """Bool [pairs]: which of these are others as well."""
        return among(self.codes(n_items), torch.sort(others.codes(n_items)).values)

    def union(self, others: "Edges", n_items: int) -> "Edges":
        """These pairs, then those of the others that are not among them."""
        more = others.without(self, n_items)
        return Edges(torch.cat([self.subjects, more.subjects]), torch.cat([self.items, more.items]))

    def to(self, device: torch.device | str) -> "Edges":
        """The same pairs there."""
        return Edges(self.subjects.to(device), self.items.to(device))

    def codes(self, n_items: int) -> Tensor:
        """One int64 for each pair, for set operations."""
        return self.subjects * n_items + self.items


@dataclass(frozen=True)
class SharedData:
    """A frozen dataset: who and what there is, and which pairs are shared for training."""

    subject_keys: Tensor
    """int64 [n], stable and distinct keys of the subjects."""
    item_keys: Tensor
    """int64 [m], stable and distinct keys of the items."""
    edges: Edges
    """The shared pairs, each once."""

    def __post_init__(self) -> None:
        if len(self.edges) == 0:
            raise ValueError(
                "the shared graph has no edges: nobody shares anything to learn from. Begin once somebody does"
            )
        for name in ("subject_keys", "item_keys"):
            if not _distinct(getattr(self, name)):
                raise ValueError(f"{name} must be distinct")
        if int(self.edges.subjects.max()) >= self.n_subjects or int(self.edges.items.max()) >= self.n_items:
            raise ValueError("an edge names a subject or an item that is not in the data")
        if not _distinct(self.edges.codes(self.n_items)):
            raise ValueError("an edge stands twice in the data")

    @property
    def n_subjects(self) -> int:
        """Number of subjects n."""
        return len(self.subject_keys)

    @property
    def n_items(self) -> int:
        """Number of items m."""
        return len(self.item_keys)

    def to(self, device: torch.device | str) -> "SharedData":
        """The same data there, such as on `cuda`; all that is made of it is computed where it lies."""
        return SharedData(self.subject_keys.to(device), self.item_keys.to(device), self.edges.to(device))

    def graph(self) -> Incidence:
        """The normalised shared graph."""
        return normalized(self.edges.subjects, self.edges.items, self.n_subjects, self.n_items)

    def sharing(self) -> Tensor:
        """Bool [n]: which subjects share anything."""
        return torch.bincount(self.edges.subjects, minlength=self.n_subjects) > 0

    def item_popularity(self) -> Tensor:
        """int64 [m]: number of subjects who share each item."""
        return torch.bincount(self.edges.items, minlength=self.n_items)

    def without(self, forgotten: Edges, erased: Tensor) -> "SharedData":
        """What remains after some pairs are withdrawn and some subjects are erased.

        The erased subjects' rows vanish; the items stay. Edges keep their order.

        Args:
            forgotten: withdrawn pairs; each must be in the data.
            erased: bool [n], subjects who leave entirely.

        Raises:
            ValueError: a withdrawn pair is not in the data, or nothing would remain.
        """
        gone = self.edges.among(forgotten, self.n_items)
        if int(gone.sum()) != len(torch.unique(forgotten.codes(self.n_items))):
            raise ValueError(
                "the forget set names pairs that are not in the data: leave them out, or name the data that has them"
            )
        kept = self.edges.where(~gone & ~erased[self.edges.subjects])
        renumbered = torch.cumsum(~erased, 0) - 1
        return SharedData(self.subject_keys[~erased], self.item_keys, Edges(renumbered[kept.subjects], kept.items))


def _distinct(values: Tensor) -> bool:
    """Whether none stands twice; those that ascend, as data mostly does, are not sorted for it."""
    return bool((values[1:] > values[:-1]).all()) or len(torch.unique(values)) == len(values)


def among(values: Tensor, ascending: Tensor) -> Tensor:
    """Bool [values]: which of them stand in an ascending tensor. `torch.isin` takes three to five times as long."""
    if len(ascending) == 0:
        return torch.zeros_like(values, dtype=torch.bool)
    place = torch.searchsorted(ascending, values).clamp_(max=len(ascending) - 1)
    return ascending[place] == values


def rows_of(keys: Tensor, among: Tensor) -> Tensor:
    """Row index of each key in a table of distinct keys; -1 where it is absent.

    Args:
        keys: int64 [k].
        among: int64 [n].
    """
    order = torch.argsort(among)
    place = torch.searchsorted(among[order], keys).clamp(max=len(among) - 1)
    rows = order[place]
    return torch.where(among[rows] == keys, rows, -1)
