"""Data that comes in over time: what is learned from when, and what each share reached first."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models_engine.fedshare.data import Edges, SharedData, rows_of
from models_engine.fedshare.replicas import Replicas


@dataclass(frozen=True)
class Window:
    """Some rounds over what is shared by then."""

    replicas: Replicas
    """A subject or an item that has come in stays in the windows that follow."""
    rounds: int


class Course:
    """Windows one after the other; rounds count through all of them."""

    def __init__(self, windows: Sequence[Window]):
        """
        Raises:
            ValueError: there is no window, one has no rounds, or their seeds differ.
        """
        if not windows:
            raise ValueError("a course needs at least one window")
        for number, window in enumerate(windows):
            if window.rounds < 1:
                raise ValueError(f"window {number} has {window.rounds} rounds; at least 1 is needed")
            if window.replicas.seeds != windows[0].replicas.seeds:
                raise ValueError(f"window {number} has other seeds than the first")
        self.windows = tuple(windows)

    @classmethod
    def single(cls, data: Sequence[SharedData], seeds: Sequence[int], rounds: int) -> "Course":
        """Everything at once."""
        return cls([Window(Replicas(data, seeds), rounds)])

    @property
    def rounds(self) -> int:
        """Number of rounds in all windows."""
        return sum(window.rounds for window in self.windows)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of each replica."""
        return self.windows[0].replicas.seeds

    def first_round(self, window: int) -> int:
        """The round that a window begins with."""
        return sum(earlier.rounds for earlier in self.windows[:window])

    def digest(self, windows: int | None = None) -> str:
        """SHA-256 over the data and rounds of the first windows (all, if none is given), in hexadecimal."""
        digest = hashlib.sha256()
        for window in self.windows[:windows]:
            digest.update(f"{window.replicas.digest()} {window.rounds}\n".encode())
        return digest.hexdigest()

    def first_rounds(self) -> Tensor:
        """For every pair of the last window's first world, the first round that used it; int64 [pairs]."""
        last = self.windows[-1].replicas.worlds[0]
        first = torch.full_like(last.edges.subjects, -1)
        for number, window in enumerate(self.windows):
            world = window.replicas.worlds[0]
            new = (first < 0) & last.edges.among(_renumbered(world, last), last.n_items)
            first[new] = self.first_round(number)
        return first

    def without(self, forgotten: Edges, erased: Tensor) -> "Course":
        """The course as it would have been without some pairs and subjects of the last window's only world.

        Args:
            forgotten: by row of that world.
            erased: bool [n].

        Raises:
            ValueError: a withdrawn pair is not in the data, a window would be left empty, or there are several worlds.
        """
        if len(self.seeds) != 1:
            raise ValueError("only a course of one replica can be rewritten")
        last = self.windows[-1].replicas.worlds[0]
        last.without(forgotten, erased)  # refuses what isn't there
        rewritten = []
        for window in self.windows:
            world = window.replicas.worlds[0]
            subjects = rows_of(last.subject_keys[forgotten.subjects], world.subject_keys)
            items = rows_of(last.item_keys[forgotten.items], world.item_keys)
            here = Edges(subjects, items).where((subjects >= 0) & (items >= 0))
            here = here.where(here.among(world.edges, world.n_items))
            gone = torch.isin(world.subject_keys, last.subject_keys[erased])
            rewritten.append(Window(Replicas([world.without(here, gone)], self.seeds), window.rounds))
        return Course(rewritten)


def _renumbered(world: SharedData, like: SharedData) -> Edges:
    """A world's edges by the rows of a later one."""
    return Edges(
        rows_of(world.subject_keys, like.subject_keys)[world.edges.subjects],
        rows_of(world.item_keys, like.item_keys)[world.edges.items],
    )
