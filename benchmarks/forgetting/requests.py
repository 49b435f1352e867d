"""What is withdrawn: one interaction, one subject, or half of what a tenth of the subjects shared."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from benchmarks.datasets import Dataset
from models_engine.fedshare import keyed
from models_engine.fedshare.data import Edges, SharedData

KINDS = ("erase", "unshare")
BY_ITEMS = "subject, in items"
"""A subject that stays, attacked as if it had left: by what the items tell of each other."""
_DRAW, _PAIR = keyed.stream("bench-r"), keyed.stream("bench-p")
_FEWEST_PAIRS = 10


@dataclass(frozen=True, eq=False)
class ForgetRequest:
    """One request against the model of everybody."""

    size: str
    kind: str
    pairs: Edges
    """What must be forgotten, by row of the dataset."""
    leaves: Tensor
    """Bool [n]: subjects who are erased entirely."""

    @property
    def deleted(self) -> Edges | None:
        """What goes from the devices too."""
        return self.pairs if self.kind == "erase" else None

    @property
    def looked_for_in_items(self) -> bool:
        """Whether the attacker reads the item table alone, by fold-in."""
        return self.of_leavers or self.size == BY_ITEMS

    @property
    def of_leavers(self) -> bool:
        """Whether those concerned leave, so that no row of theirs can be looked at."""
        return bool(self.leaves.any())


def remaining(data: SharedData, requests: Sequence[ForgetRequest]) -> SharedData:
    """The data of everybody without what some requests, one at least, withdraw."""
    leaves = torch.stack([request.leaves for request in requests]).any(0)
    pairs = [request.pairs for request in requests]
    subjects, items = (torch.cat([getattr(p, name) for p in pairs]) for name in ("subjects", "items"))
    return data.without(Edges(subjects, items), leaves)


def deleted(requests: Sequence[ForgetRequest]) -> Edges | None:
    """What goes from the devices by some requests."""
    parts = [request.deleted for request in requests if request.deleted is not None]
    if not parts:
        return None
    return Edges(torch.cat([p.subjects for p in parts]), torch.cat([p.items for p in parts]))


def small_requests(dataset: Dataset, data: SharedData, counts: dict[str, int]) -> list[ForgetRequest]:
    """Requests of one interaction and of one subject, of both kinds, so many of each, all of different subjects."""
    degree = torch.bincount(data.edges.subjects, minlength=data.n_subjects)
    able = (degree >= _FEWEST_PAIRS).nonzero().squeeze(1)
    order = able[keyed.uniform(dataset.subject_keys[able], _DRAW).argsort()]
    needed = 2 * sum(counts.values())
    if len(order) < needed:
        raise ValueError(f"{dataset.name} has {len(order)} subjects who share enough; {needed} are needed")
    cast = iter(order.tolist())
    nobody = torch.zeros_like(data.subject_keys, dtype=torch.bool)
    requests = []
    for size, count in counts.items():
        for kind in KINDS:
            for _ in range(count):
                subject = next(cast)
                own = data.edges.where(data.edges.subjects == subject)
                if size == "interaction":
                    # By subject and item: by item alone, all requests would fall on the same few.
                    first = keyed.uniform(dataset.subject_keys[subject], dataset.item_keys[own.items], _PAIR).argmin()
                    requests.append(
                        ForgetRequest(size, kind, Edges(own.subjects[first, None], own.items[first, None]), nobody)
                    )
                else:
                    leaves = nobody.clone()
                    leaves[subject] = kind == "erase"
                    requests.append(ForgetRequest(size, kind, own, leaves))
    return requests


def leavers(dataset: Dataset, data: SharedData, count: int) -> ForgetRequest:
    """So many subjects who leave entirely, as one request."""
    degree = torch.bincount(data.edges.subjects, minlength=data.n_subjects)
    able = (degree >= _FEWEST_PAIRS).nonzero().squeeze(1)
    chosen = able[keyed.uniform(dataset.subject_keys[able], _DRAW, 2).argsort()][:count]
    leaves = torch.zeros_like(data.subject_keys, dtype=torch.bool)
    leaves[chosen] = True
    return ForgetRequest("leavers", "erase", data.edges.where(leaves[data.edges.subjects]), leaves)


def large_request(dataset: Dataset, data: SharedData, kind: str) -> ForgetRequest:
    """A tenth of the sharing subjects withdraw half of what they share."""
    asking = (keyed.uniform(dataset.subject_keys, _DRAW, 1) < 0.1) & data.sharing()
    drawn = keyed.uniform(dataset.subject_keys[data.edges.subjects], dataset.item_keys[data.edges.items], _PAIR) < 0.5
    nobody = torch.zeros_like(data.subject_keys, dtype=torch.bool)
    return ForgetRequest("tenth", kind, data.edges.where(asking[data.edges.subjects] & drawn), nobody)
