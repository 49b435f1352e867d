"""What simulated devices hold, ordered for drawing a round's pairs from it."""

import torch
from torch import Tensor

from models_engine.federation.messages import Samples
from models_engine.fedshare import keyed
from models_engine.fedshare.data import Edges
from models_engine.fedshare.graph import Pattern
from models_engine.fedshare.replicas import Replicas

_NEGATIVE = keyed.stream("negative")
_PLACES_BY_PAIR = 8
"""In the table that says at once of most pairs that nobody holds them."""


class Holdings:
    """All pairs of all devices."""

    def __init__(self, replicas: Replicas, pairs: Edges):
        """
        Args:
            pairs: by row of the union, each once.
        """
        self._size = replicas.size
        self.codes, order = torch.sort(pairs.codes(self._size[1]))
        self.subjects, self.items = pairs.subjects[order], pairs.items[order]
        self.counts = torch.bincount(self.subjects, minlength=self._size[0])
        """Of each device, int64 [n]."""
        self._starts = torch.cumsum(self.counts, 0) - self.counts
        keys, seeds = replicas.subject_keys[self.subjects], replicas.subject_seeds[self.subjects]
        # The hash of each pair, to be extended by the round.
        self._negative_draws = keyed.mix(keys, replicas.item_keys[self.items], seeds, _NEGATIVE)
        first = torch.tensor([rows.start for rows in replicas.item_slices], device=replicas.device)
        self._first_item, self._item_count = (
            of_world[replicas.replica_of_subject] for of_world in (first, replicas.item_stack.sizes)
        )
        self._places = 2 ** (_PLACES_BY_PAIR * len(self.codes)).bit_length() - 1
        self._taken = torch.zeros(self._places + 1, dtype=torch.bool, device=replicas.device)
        self._taken[self.codes & self._places] = True

    def sample(self, round_number: int, taking_part: Tensor) -> Samples:
        """All pairs of those who take part (bool [n]), each with one item of its world in its place."""
        members = taking_part.nonzero().squeeze(1)
        counts = self.counts[members]
        ends = torch.cumsum(counts, 0)
        member = torch.repeat_interleave(counts)
        # A device's pairs lie side by side.
        chosen = torch.arange(len(member), device=member.device)
        chosen += (self._starts[members] - ends + counts).index_select(0, member)
        subjects, items = members.index_select(0, member), self.items.index_select(0, chosen)
        drawn = keyed.unit(keyed.extend(self._negative_draws.index_select(0, chosen), round_number))
        first, count = (of_device.index_select(0, subjects) for of_device in (self._first_item, self._item_count))
        negative = (drawn * count).to(torch.int64).add_(first)
        size = (len(members), self._size[1])
        return Samples(
            members=members,
            counts=counts,
            member=member,
            positives=Pattern(member, items, size, counts),
            negatives=Pattern(member, negative, size, counts),
            negative_items=negative,
            valid=~self._among(subjects * self._size[1] + negative),
        )

    def _among(self, codes: Tensor) -> Tensor:
        """Bool [codes]: which of them are held."""
        among = self._taken.index_select(0, codes & self._places)
        maybe = among.nonzero().squeeze(1)
        some = codes[maybe]
        place = torch.searchsorted(self.codes, some).clamp_(max=len(self.codes) - 1)
        among[maybe] = self.codes[place] == some
        return among
