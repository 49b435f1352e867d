"""What devices send in a round, in factored form, and how it is made private.

A device's gradient with respect to the items is an outer product: the user's representation times
one coefficient for each item, and the same row once more for each of its own items (by way of the
local view). Kept as factors, the messages of a whole cohort are as small as their pairs, and their
norms are exact without ever being written out.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models_engine.fedshare import keyed
from models_engine.fedshare.graph import Pattern

_NOISE = keyed.stream("noise")


@dataclass(frozen=True)
class Samples:
    """The pairs of those who take part in a round, and what each is held against."""

    members: Tensor
    """int64 [members], rows of the devices, ascending."""
    counts: Tensor
    """int64 [members], how many of the pairs are each device's."""
    member: Tensor
    """int64 [pairs], place among the members."""
    positives: Pattern
    """[members, items], their pairs."""
    negatives: Pattern
    """The same with an item that the device has not touched in place of each."""
    negative_items: Tensor
    """int64 [pairs]"""
    valid: Tensor
    """Bool [pairs]: false where the draw gave an item that the device has."""


@dataclass(frozen=True)
class Messages:
    """One message for each member; `aggregate` is all that the server gets to see of them."""

    samples: Samples
    slopes: Tensor
    """Derivative of the loss by each pair's margin, [pairs]."""
    users: Tensor
    """What the members score with, [members, d]."""
    of_ego: Tensor
    """Gradient that reaches Q by way of the local view: the same row for each own item, [members, d]."""
    of_view: Tensor
    """Gradient with respect to the member's own global view, [members, d]."""
    item_share: float
    """Which part of an item's gradient goes to Q; the rest goes to its global view."""

    def norms(self) -> Tensor:
        """Euclidean length of each whole message, [members]."""
        samples, k = self.samples, len(self.samples.members)
        by_member = torch.zeros(k, dtype=self.slopes.dtype, device=self.slopes.device)
        # A negative may be drawn for several pairs of a device: its coefficients add up first.
        codes = samples.member * samples.negatives.size[1] + samples.negative_items
        distinct, place = torch.unique(codes, return_inverse=True)
        drawn = self.slopes.new_zeros(len(distinct)).index_add_(0, place, self.slopes)
        squares = by_member.index_add(0, samples.member, self.slopes**2).index_add_(
            0, distinct // samples.negatives.size[1], drawn**2
        )
        own = by_member.index_add(0, samples.member, self.slopes)
        user = (self.users**2).sum(1)
        to_rows = (
            self.item_share**2 * user * squares
            + samples.counts * (self.of_ego**2).sum(1)
            + 2 * self.item_share * (self.users * self.of_ego).sum(1) * own
        )
        to_views = (1 - self.item_share) ** 2 * user * squares
        return torch.sqrt((to_rows + to_views + (self.of_view**2).sum(1)).clamp(min=0))

    def clipped(self, limits: Tensor) -> "Messages":
        """Every message shortened to its limit [members] where it is longer."""
        factors = (limits / self.norms().clamp(min=1e-30)).clamp(max=1.0)
        return replace(
            self,
            slopes=self.slopes * factors[self.samples.member],
            of_ego=self.of_ego * factors[:, None],
            of_view=self.of_view * factors[:, None],
        )

    def aggregate(self, n_subjects: int) -> tuple[Tensor, Tensor, Tensor]:
        """Sums over the members: gradients of Q [m, d], of the subjects' views [n, d], of the items' views [m, d]."""
        samples = self.samples
        of_items = samples.positives.transposed(self.slopes) @ self.users
        of_items.addmm_(samples.negatives.transposed(self.slopes), self.users, alpha=-1)
        ego = samples.positives.transposed(torch.ones_like(self.slopes))
        of_rows = torch.addmm(of_items, ego, self.of_ego, beta=self.item_share)
        of_views = torch.zeros(n_subjects, self.users.shape[1], device=self.users.device)
        of_views[samples.members] = self.of_view
        return of_rows, of_views, of_items.mul_(1 - self.item_share)


def noise(keys: Tensor, seeds: Tensor, width: int, round_number: int, table: int) -> Tensor:
    """The standard normal noise of a round for one table, [rows, d]; keyed, so that a run can be repeated.

    Whoever knows the seed can take the noise off again: simulated devices protect nobody. Real ones draw their own.
    """
    return keyed.normal(width, keys, seeds, _NOISE, table, round_number)
