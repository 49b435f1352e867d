"""What simulated devices hold, ordered for drawing a round's pairs from it."""

import torch
from torch import Tensor

from models_engine.federation.messages import Samples
from models_engine.fedshare import keyed
from models_engine.fedshare.data import Edges, among
from models_engine.fedshare.graph import Pattern
from models_engine.fedshare.replicas import Replicas

_NEGATIVE = keyed.stream("negative")
_SLOTS_PER_PAIR = 8
"""Of the filter, at least: one in eight or fewer is taken."""


class Holdings:
    """All pairs of all devices, and the draw of a round's samples from them.

    A filter of one byte for each slot (Bloom, 1970, with the low bits of a code as its only hash) rules out most of the
    drawn items without a search: 8 to 16 bytes for each pair.
    """

    codes: Tensor
    """Of the pairs, int64 [pairs], ascending; so are those of devices, and of worlds among these."""
    subjects: Tensor
    """int64 [pairs]"""
    items: Tensor
    """int64 [pairs]"""
    counts: Tensor
    """Of each device, int64 [n]."""

    def __init__(self, replicas: Replicas, pairs: Edges):
        """
        Args:
            pairs: by row of the union, each once.
        """
        self._size = replicas.size
        self.codes, order = torch.sort(pairs.codes(self._size[1]))
        self.subjects, self.items = pairs.subjects[order], pairs.items[order]
        self.counts = torch.bincount(self.subjects, minlength=self._size[0])
        self._starts = torch.cumsum(self.counts, 0) - self.counts
        keys, seeds = replicas.subject_keys[self.subjects], replicas.subject_seeds[self.subjects]
        # The hash of each pair, to be extended by the round.
        self._negative_draws = keyed.mix(keys, replicas.item_keys[self.items], seeds, _NEGATIVE)
        first = torch.tensor([rows.start for rows in replicas.item_slices], device=replicas.device)
        self._first_item, self._item_count = (
            of_world[replicas.replica_of_subject] for of_world in (first, replicas.item_stack.sizes)
        )
        self._mask = 2 ** (_SLOTS_PER_PAIR * len(self.codes)).bit_length() - 1
        self._filter = torch.zeros(self._mask + 1, dtype=torch.bool, device=replicas.device)
        self._filter[self.codes & self._mask] = True

    def sample(self, round_number: int, taking_part: Tensor) -> Samples:
        """A round's samples.

        Args:
            taking_part: bool [n], the devices all of whose pairs are drawn, each with another item of its world.
        """
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
            valid=~self._held(subjects * self._size[1] + negative),
        )

    def _held(self, codes: Tensor) -> Tensor:
        """Bool [codes]: which of them are held."""
        held = self._filter.index_select(0, codes & self._mask)
        maybe = held.nonzero().squeeze(1)
        held[maybe] = among(codes[maybe], self.codes)
        return held
