"""All devices of a population in one vectorised computation."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from models_engine.federation.cohort import Broadcast, Contribution
from models_engine.fedshare import keyed
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.graph import Incidence
from models_engine.fedshare.losses import bpr, info_nce
from models_engine.fedshare.optimizer import RowAdam

_PRIVATE = keyed.stream("private")
_COHORT = keyed.stream("cohort")
_NEGATIVE = keyed.stream("negative")
_CONTRAST = keyed.stream("contrast")


class _EgoProduct(torch.autograd.Function):
    """Sparse product whose gradient is the transposed product."""

    @staticmethod
    def forward(ctx: Any, ego: Incidence, items: Tensor) -> Tensor:
        ctx.ego = ego
        return ego @ items

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        return None, ctx.ego.transposed(gradient)


class SimulatedCohort:
    """Devices that live in this process: their private vectors and all their interactions.

    The local view of a subject is one layer of LightGCN over the device's ego graph,
    `(p_u + Σ_{i∈N(u)} q_i / √|N(u)|) / 2`. It is not propagated into the items: an item of a star
    has the device itself as its only neighbour, so the answer would stand in the score.
    """

    def __init__(
        self,
        config: FedShareConfig,
        data: SharedData,
        interactions: Edges,
        seeds: Tensor,
        private: Tensor | None = None,
    ):
        """
        Args:
            data: what the server learns from; names the subjects and the items.
            interactions: every pair that the devices train on, shared or not, each once.
            seeds: int64 [replicas].
            private: the devices' vectors [n, replicas, d]; None draws the keyed start.
        """
        self.config = config
        self.seeds = seeds
        self._subject_keys, self._item_keys = data.subject_keys, data.item_keys
        self._subjects, self._items = interactions.subjects, interactions.items
        degree = torch.bincount(self._subjects, minlength=data.n_subjects)
        self._ego = Incidence(
            self._subjects,
            self._items,
            torch.rsqrt(degree[self._subjects].float()),
            (data.n_subjects, data.n_items),
        )
        self._positives = torch.sort(interactions.codes(data.n_items)).values
        # Half the score is the global view's; a subject who shares nothing has only its own.
        self._global_share = (data.sharing() * 0.5)[:, None, None]
        if private is None:
            private = keyed.normal(data.subject_keys, seeds, config.width, _PRIVATE) * config.init_scale
        self._private = private.clone()
        self._optimizer = RowAdam(self._private, config.learning_rate)

    def contribute(self, round_number: int, broadcast: Broadcast, invited: Tensor | None = None) -> Contribution:
        """See `Cohort.contribute`."""
        leaves = [
            tensor.detach().requires_grad_()
            for tensor in (broadcast.items, broadcast.subject_views, broadcast.item_views, self._private)
        ]
        members = self._drawn(round_number) if invited is None else invited[:, None].expand(-1, len(self.seeds))
        loss = self._loss(round_number, members, *leaves)
        loss.sum().backward()
        items, subject_views, item_views, private = (
            leaf.grad if leaf.grad is not None else torch.zeros_like(leaf) for leaf in leaves
        )
        if self.config.local_view:
            self._optimizer.step(private + self.config.l2 * self._private, members)
        return Contribution(items, subject_views, item_views, loss.detach())

    @property
    def private(self) -> Tensor:
        """The devices' vectors [n, replicas, d]; the server's code never asks for them."""
        return self._private

    def representations(self, items: Tensor, subject_views: Tensor, item_views: Tensor) -> tuple[Tensor, Tensor]:
        """What a device scores with: the mean of its local and its global view.

        Returns:
            Subjects [n, replicas, d] and items [m, replicas, d].
        """
        return self._scoring_views(items, subject_views, item_views, self._private)[:2]

    def _drawn(self, round_number: int) -> Tensor:
        """Bool [n, replicas]: who takes part, so that every device does once in each cycle."""
        cycle_length = round(1 / self.config.participation)
        cycle, slot = divmod(round_number, cycle_length)
        drawn = keyed.integers(cycle_length, self._subject_keys[:, None], self.seeds, _COHORT, cycle)
        return drawn == slot

    def _scoring_views(
        self, items: Tensor, subject_views: Tensor, item_views: Tensor, private: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        if not self.config.local_view:
            return subject_views, item_views, subject_views
        local = (private + _EgoProduct.apply(self._ego, items)) / 2
        return torch.lerp(local, subject_views, self._global_share), (items + item_views) / 2, local

    def _loss(
        self,
        round_number: int,
        members: Tensor,
        items: Tensor,
        subject_views: Tensor,
        item_views: Tensor,
        private: Tensor,
    ) -> Tensor:
        """Loss of each replica, [replicas]."""
        replicas = len(self.seeds)
        scoring_subjects, scoring_items, local = self._scoring_views(items, subject_views, item_views, private)
        sample, replica = members[self._subjects].nonzero(as_tuple=True)
        subject, item = self._subjects[sample], self._items[sample]
        negative, valid = self._negatives(subject, item, replica, round_number)

        subject_rows = scoring_subjects.flatten(0, 1)
        item_rows = scoring_items.flatten(0, 1)
        user = functional.embedding(subject * replicas + replica, subject_rows)
        difference = functional.embedding(item * replicas + replica, item_rows) - functional.embedding(
            negative * replicas + replica, item_rows
        )
        margin = (user * difference).sum(-1)
        pairs = bpr(margin, torch.zeros_like(margin)) * valid
        counts = torch.bincount(replica, minlength=replicas).clamp(min=1)
        ranking = torch.zeros(replicas).index_add(0, replica, pairs) / counts
        if not self.config.local_view or self.config.contrast_weight == 0:
            return ranking
        contrast = self._contrast(round_number, members, local, subject_views, items, item_views)
        return ranking + self.config.contrast_weight * contrast

    def _negatives(self, subject: Tensor, item: Tensor, replica: Tensor, round_number: int) -> tuple[Tensor, Tensor]:
        """One item for each sample, and whether the subject really has not interacted with it."""
        negative = keyed.integers(
            len(self._item_keys),
            self._subject_keys[subject],
            self._item_keys[item],
            self.seeds[replica],
            _NEGATIVE,
            round_number,
        )
        code = subject * len(self._item_keys) + negative
        place = torch.searchsorted(self._positives, code).clamp(max=len(self._positives) - 1)
        return negative, self._positives[place] != code

    def _contrast(
        self,
        round_number: int,
        members: Tensor,
        local: Tensor,
        subject_views: Tensor,
        items: Tensor,
        item_views: Tensor,
    ) -> Tensor:
        """InfoNCE of the cohort's subjects and of all items, mean for each replica."""
        tau = self.config.temperature
        taking_part = members & (self._global_share.squeeze(-1) > 0)
        of_subjects = info_nce(local, subject_views, self._draw(subject_views, self._subject_keys, round_number), tau)
        of_items = info_nce(items, item_views, self._draw(item_views, self._item_keys, round_number), tau)
        mean_of_subjects = (of_subjects * taking_part).sum(0) / taking_part.sum(0).clamp(min=1)
        return mean_of_subjects + of_items.mean(0)

    def _draw(self, views: Tensor, keys: Tensor, round_number: int) -> Tensor:
        """The rows that are contrasted with in this round, [negatives, replicas, d]."""
        order = keyed.uniform(keys, _CONTRAST, round_number).argsort()
        return views[order[: self.config.contrast_negatives]]
