"""All devices of a population in one vectorised computation."""

import hashlib
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from models_engine.federation.cohort import Broadcast, Contribution
from models_engine.federation.holdings import Holdings
from models_engine.federation.messages import Messages, noise
from models_engine.fedshare import keyed
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import Edges
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.graph import Pattern
from models_engine.fedshare.losses import bpr, info_nce
from models_engine.fedshare.optimizer import RowAdam
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.stack import Stack

_PRIVATE = keyed.stream("private")
_COHORT = keyed.stream("cohort")
_CONTRAST = keyed.stream("contrast")


class SimulatedCohort:
    """Devices that live in this process: their private vectors and all their interactions.

    The local view of a subject is one layer of LightGCN over the device's ego graph,
    `(p_u + Σ_{i∈N(u)} q_i / √|N(u)|) / 2`. It is not propagated into the items: an item of a star
    has the device itself as its only neighbour, so the answer would stand in the score.
    """

    def __init__(
        self,
        config: FedShareConfig,
        replicas: Replicas,
        interactions: Sequence[Edges],
        private: Tensor | None = None,
        memory: StateFiles | None = None,
    ):
        """
        Args:
            replicas: what the server learns from; names the subjects and the items.
            interactions: of each world, every pair that the devices train on, shared or not, each once.
            private: the devices' vectors [n, d]; None draws the keyed start.
            memory: where the devices keep what they must remember.
        """
        self.config = config
        self._replicas, self._memory = replicas, memory
        self._pairs = replicas.union(interactions)
        self._ego_weight = torch.rsqrt(self.holdings().clamp(min=1).float())
        self._cohort_draws, self._contrast_draws = (
            keyed.mix(replicas.subject_keys, replicas.subject_seeds, purpose) for purpose in (_COHORT, _CONTRAST)
        )
        # Half the score is the global view's; a subject who shares nothing has only its own.
        self._global_share = replicas.sharing() * 0.5
        if private is None:
            draws = keyed.normal(config.width, replicas.subject_keys, replicas.subject_seeds, _PRIVATE)
            private = draws * config.init_scale
        self._private = private.clone()
        self._optimizer = RowAdam(self._private, config.learning_rate)

    def contribute(self, round_number: int, broadcast: Broadcast, invited: Tensor | None = None) -> Contribution:
        """See `Cohort.contribute`.

        Args:
            invited: bool [n], the devices that take part; None leaves it to the round's keyed draw.
        """
        config = self.config
        samples = self._held.sample(round_number, self._drawn(round_number) if invited is None else invited)
        members = samples.members
        users, items, local = self._scoring_views(members, broadcast, samples.positives)
        margins = samples.positives.inner_products(users, items) - samples.negatives.inner_products(users, items)
        replica = self._replicas.replica_of_subject[members]
        pairs_of_replica = torch.zeros_like(self._replicas.subject_stack.sizes).index_add_(0, replica, samples.counts)
        counts = pairs_of_replica.clamp(min=1)
        losses, slopes = bpr(margins)
        weights = samples.valid * counts.reciprocal()[replica].index_select(0, samples.member)
        slopes = slopes * weights
        # Pairs are ordered by device, and devices by replica.
        loss = torch.segment_reduce(losses * weights, "sum", lengths=pairs_of_replica)
        of_users = samples.positives.matrix(slopes) @ items
        of_users.addmm_(samples.negatives.matrix(slopes), items, alpha=-1)
        of_local, of_view = torch.zeros_like(users), of_users
        if config.local_view:
            share = self._global_share[members, None]
            of_local, of_view = (1 - share) * of_users, share * of_users
            loss += self._contrast(round_number, members, local, broadcast.subject_views, of_local, of_view)
            self._optimizer.step(of_local / 2 + config.l2 * self._private[members], members)
        messages = Messages(
            samples=samples,
            slopes=slopes,
            users=users,
            of_ego=of_local * (self._ego_weight[members, None] / 2),
            of_view=of_view,
            item_share=0.5 if config.local_view else 0.0,
        )
        if config.clip:
            messages = messages.clipped(config.clip / counts[replica])
        rows, subject_views, item_views = messages.aggregate(self._replicas.size[0])
        if config.noise:
            self._disturb(round_number, members, counts, rows, subject_views, item_views)
        return Contribution(rows, subject_views, item_views, loss)

    @property
    def private(self) -> Tensor:
        """The devices' vectors [n, d]; the server's code never asks for them."""
        return self._private

    def representations(self, items: Tensor, subject_views: Tensor, item_views: Tensor) -> tuple[Tensor, Tensor]:
        """What devices score with: the mean of their local and their global view.

        Returns:
            Subjects [n, d] and items [m, d].
        """
        everyone = torch.arange(self._replicas.size[0], device=self._replicas.device)
        pattern = Pattern(self._held.subjects, self._held.items, self._replicas.size)
        return self._scoring_views(everyone, Broadcast(items, subject_views, item_views), pattern)[:2]

    def holdings(self) -> Tensor:
        """See `Cohort.holdings`."""
        return torch.bincount(self._pairs.subjects, minlength=self._replicas.size[0])

    def remember(self, label: str) -> None:
        """See `Cohort.remember`."""
        self._kept().write(label, {"private": self._private, **self._optimizer.state()}, self._about())

    def recall(self, label: str) -> None:
        """See `Cohort.recall`."""
        state = self._kept().read(label, self._about())
        self._private.copy_(state.pop("private"))
        self._optimizer.restore(state)

    def drop(self, label: str) -> None:
        """See `Cohort.drop`."""
        self._kept().drop(label)

    def carry_on(self, earlier: "SimulatedCohort") -> None:
        """Take over vectors and momentum of the devices that were there before; the others start afresh."""
        rows = self._replicas.subject_rows_in(earlier._replicas)
        here = rows >= 0
        self._private[here] = earlier._private[rows[here]]
        self._optimizer.carry_on(earlier._optimizer, rows)

    def _kept(self) -> StateFiles:
        if self._memory is None:
            raise ValueError("these devices have no memory: make the cohort with one to let it resume")
        return self._memory

    def _about(self) -> dict[str, str]:
        interactions = hashlib.sha256(self._held.codes.cpu().numpy().tobytes()).hexdigest()
        return {"config": self.config.digest(), "data": self._replicas.digest(), "interactions": interactions}

    @cached_property
    def _held(self) -> Holdings:
        """Ordered when it is first drawn from: a small request only asks how much there is."""
        return Holdings(self._replicas, self._pairs)

    def _drawn(self, round_number: int) -> Tensor:
        """Bool [n]: who takes part, so that every device does once in each cycle."""
        cycle_length = round(1 / self.config.participation)
        cycle, slot = divmod(round_number, cycle_length)
        return (keyed.unit(keyed.extend(self._cohort_draws, cycle)) * cycle_length).to(torch.int64) == slot

    def _scoring_views(self, members: Tensor, seen: Broadcast, positives: Pattern) -> tuple[Tensor, Tensor, Tensor]:
        """What members and items score with, and the members' local view."""
        own_view = seen.subject_views[members]
        if not self.config.local_view:
            return own_view, seen.item_views, own_view
        ones = torch.ones(positives.entries, device=own_view.device)
        ego = self._ego_weight[members, None] * (positives.matrix(ones) @ seen.items)
        local = (self._private[members] + ego) / 2
        users = torch.lerp(local, own_view, self._global_share[members, None])
        return users, torch.lerp(seen.items, seen.item_views, 0.5), local

    def _contrast(
        self,
        round_number: int,
        members: Tensor,
        local: Tensor,
        views: Tensor,
        of_local: Tensor,
        of_view: Tensor,
    ) -> Tensor:
        """InfoNCE of the members who share; adds its gradients in place. Returns each replica's mean."""
        replicas, config = self._replicas, self.config
        sharing = (self._global_share[members] > 0).nonzero().squeeze(1)
        if not config.contrast_weight or len(sharing) == 0:
            return local.new_zeros(len(replicas))
        rows = members[sharing]
        stack = Stack(replicas.replica_of_subject[rows], len(replicas))
        others = replicas.subject_stack.negatives(config.contrast_negatives, self._contrast_draws, round_number)
        contrast = info_nce(
            stack.spread(local[sharing]),
            stack.spread(views[rows]),
            views[others.rows],
            config.temperature,
            others.absent,
            config.contrast_weight / stack.sizes.clamp(min=1),
        )
        of_local.index_add_(0, sharing, stack.collect(contrast.anchors))
        of_view.index_add_(0, sharing, stack.collect(contrast.targets))
        return stack.sums(contrast.loss)

    def _disturb(
        self,
        round_number: int,
        members: Tensor,
        counts: Tensor,
        rows: Tensor,
        subject_views: Tensor,
        item_views: Tensor,
    ) -> None:
        """Add what the members' own noise sums up to, in place."""
        replicas, width = self._replicas, self.config.width
        scale = self.config.noise * self.config.clip / counts
        heads = torch.bincount(replicas.replica_of_subject[members], minlength=len(replicas))
        of_item = (scale * heads.sqrt())[replicas.replica_of_item, None]
        for table, gradient in enumerate((rows, item_views)):
            gradient += of_item * noise(replicas.item_keys, replicas.item_seeds, width, round_number, table)
        of_member = scale[replicas.replica_of_subject[members], None]
        keys, seeds = replicas.subject_keys[members], replicas.subject_seeds[members]
        subject_views[members] += of_member * noise(keys, seeds, width, round_number, 2)
