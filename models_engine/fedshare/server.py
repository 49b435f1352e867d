"""The server's side of a round: broadcast, aggregate, step."""

import torch
from torch import Tensor

from models_engine.federation.cohort import Broadcast, Cohort
from models_engine.fedshare import keyed
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import SharedData
from models_engine.fedshare.optimizer import RowAdam
from models_engine.fedshare.views import propagate

_SUBJECT = keyed.stream("subject")
_ITEM = keyed.stream("item")


def initial_subjects(config: FedShareConfig, subject_keys: Tensor, seeds: Tensor) -> Tensor:
    """Keyed initial subject rows, [n, replicas, d]."""
    return keyed.normal(subject_keys, seeds, config.width, _SUBJECT) * config.init_scale


def initial_items(config: FedShareConfig, item_keys: Tensor, seeds: Tensor) -> Tensor:
    """Keyed initial item rows, [m, replicas, d]."""
    return keyed.normal(item_keys, seeds, config.width, _ITEM) * config.init_scale


class Server:
    """Holds the rows and the shared graph, and never sees a private vector or interaction."""

    def __init__(self, config: FedShareConfig, data: SharedData, subjects: Tensor, items: Tensor):
        """
        Args:
            subjects: starting rows [n, replicas, d]; copied.
            items: starting rows [m, replicas, d]; copied.
        """
        self.config = config
        self.graph = data.graph()
        self.subjects, self.items = subjects.clone(), items.clone()
        self._subject_optimizer = RowAdam(self.subjects, config.learning_rate)
        self._item_optimizer = RowAdam(self.items, config.learning_rate)

    def learn(self, round_number: int, cohort: Cohort) -> Tensor:
        """One round for every row. Returns the loss of each replica, [replicas]."""
        loss, subject_gradient, item_gradient = self._gradients(round_number, cohort, None)
        self._subject_optimizer.step(subject_gradient)
        self._item_optimizer.step(item_gradient)
        return loss

    def settle(self, round_number: int, cohort: Cohort, rows: Tensor) -> Tensor:
        """One round for some items alone (bool [m]), everything else held fixed."""
        loss, _, item_gradient = self._gradients(round_number, cohort, None)
        self._item_optimizer.step(item_gradient, rows[:, None].expand(self.items.shape[:2]))
        return loss

    def refit(self, round_number: int, cohort: Cohort, rows: Tensor) -> Tensor:
        """One round for some subjects alone (bool [n]), the items held fixed."""
        loss, subject_gradient, _ = self._gradients(round_number, cohort, rows)
        self._subject_optimizer.step(subject_gradient, rows[:, None].expand(self.subjects.shape[:2]))
        return loss

    def _gradients(self, round_number: int, cohort: Cohort, invited: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        layers, l2 = self.config.layers, self.config.l2
        views = propagate(self.graph, self.subjects, self.items, layers)
        answer = cohort.contribute(round_number, Broadcast(self.items, *views), invited)
        if not torch.isfinite(answer.loss).all():
            raise FloatingPointError(f"the loss became NaN or infinite in round {round_number}: lower learning_rate")
        # Propagation is linear and symmetric: its transpose, which carries gradients back, is itself.
        subject_gradient, item_gradient = propagate(self.graph, answer.subject_views, answer.item_views, layers)
        return (
            answer.loss,
            subject_gradient + l2 * self.subjects,
            item_gradient + answer.items + l2 * self.items,
        )
