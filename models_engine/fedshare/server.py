"""The server's side of a round: broadcast, aggregate, step."""

import torch
from torch import Tensor

from models_engine.federation.cohort import Broadcast, Cohort
from models_engine.fedshare import keyed
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.course import Course
from models_engine.fedshare.losses import info_nce
from models_engine.fedshare.optimizer import RowAdam
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.views import propagate

_SUBJECT = keyed.stream("subject")
_ITEM = keyed.stream("item")
_CONTRAST = keyed.stream("contrast")


def initial_subjects(config: FedShareConfig, replicas: Replicas) -> Tensor:
    """Keyed initial subject rows, [n, d]."""
    return _start(config, replicas.subject_keys, replicas.subject_seeds, _SUBJECT)


def initial_items(config: FedShareConfig, replicas: Replicas) -> Tensor:
    """Keyed initial item rows, [m, d]."""
    return _start(config, replicas.item_keys, replicas.item_seeds, _ITEM)


def _start(config: FedShareConfig, keys: Tensor, seeds: Tensor | int, purpose: int) -> Tensor:
    return keyed.normal(config.width, keys, seeds, purpose) * config.init_scale


def untrained_subjects(config: FedShareConfig, course: Course, keys: Tensor) -> Tensor:
    """The rows of subjects who never share anything, at the end of a course of one replica; [keys, d].

    Nothing reaches such a row but the L2 term, from the window in which its subject came in, as long as devices
    have a local view and add no noise.
    """
    rows = _start(config, keys, course.seeds[0], _SUBJECT)
    optimizer = RowAdam(rows, config.learning_rate)
    for window in course.windows:
        here = torch.isin(keys, window.replicas.subject_keys).nonzero().squeeze(1)
        everybody = len(here) == len(keys)
        for _ in range(window.rounds):
            if everybody:  # no rows have to be gathered
                optimizer.step(rows * config.l2)
            else:
                optimizer.step(rows[here] * config.l2, here)
    return rows


class Server:
    """Holds the rows and the shared graph, and never sees a private vector or interaction."""

    def __init__(
        self,
        config: FedShareConfig,
        replicas: Replicas,
        subjects: Tensor | None = None,
        items: Tensor | None = None,
    ):
        """
        Args:
            subjects: starting rows [n, d], copied; None draws the keyed start.
            items: starting rows [m, d], copied; None draws the keyed start.
        """
        self.config, self.replicas = config, replicas
        self.graph = replicas.graph()
        self.subjects = initial_subjects(config, replicas) if subjects is None else subjects.clone()
        self.items = initial_items(config, replicas) if items is None else items.clone()
        self._contrast_draws = keyed.mix(replicas.item_keys, replicas.item_seeds, _CONTRAST)
        self._subject_optimizer = RowAdam(self.subjects, config.learning_rate)
        self._item_optimizer = RowAdam(self.items, config.learning_rate)

    def learn(self, round_number: int, cohort: Cohort) -> Tensor:
        """One round for every row. Returns the loss of each replica, [replicas]."""
        loss, subject_gradient, item_gradient = self.gradients(round_number, cohort)
        self._subject_optimizer.step(subject_gradient)
        self._item_optimizer.step(item_gradient)
        return loss

    def settle(self, round_number: int, cohort: Cohort, subjects: Tensor, items: Tensor, pace: Tensor) -> Tensor:
        """One round for some rows alone (int64), everything else held fixed. Returns the loss of each replica.

        Args:
            pace: how many times the learning rate each of the subjects goes, [subjects, 1].
        """
        loss, subject_gradient, item_gradient = self.gradients(round_number, cohort)
        self._subject_optimizer.step(subject_gradient[subjects], subjects, pace)
        self._item_optimizer.step(item_gradient[items], items)
        return loss

    def gradients(self, round_number: int, cohort: Cohort) -> tuple[Tensor, Tensor, Tensor]:
        """The round's loss [replicas] and its gradients by subject rows [n, d] and item rows [m, d].

        Raises:
            FloatingPointError: the loss isn't finite.
        """
        layers, l2 = self.config.layers, self.config.l2
        subject_views, item_views = propagate(self.graph, self.subjects, self.items, layers)
        answer = cohort.contribute(round_number, Broadcast(self.items, subject_views, item_views))
        loss, of_items, of_item_views = self._contrast(round_number, item_views)
        loss = loss + answer.loss
        if not torch.isfinite(loss).all():
            raise FloatingPointError(f"the loss became NaN or infinite in round {round_number}: lower learning_rate")
        # Propagation is linear and symmetric: its transpose, which carries gradients back, is itself.
        subject_gradient, item_gradient = propagate(
            self.graph, answer.subject_views, answer.item_views + of_item_views, layers
        )
        return (
            loss,
            subject_gradient.add_(self.subjects, alpha=l2),
            item_gradient.add_(answer.items).add_(of_items).add_(self.items, alpha=l2),
        )

    def carry_on(self, earlier: "Server") -> None:
        """Take over rows and momentum of everything that was there before; the rest starts afresh."""
        for mine, theirs, rows in (
            (self.subjects, earlier.subjects, self.replicas.subject_rows_in(earlier.replicas)),
            (self.items, earlier.items, self.replicas.item_rows_in(earlier.replicas)),
        ):
            mine[rows >= 0] = theirs[rows[rows >= 0]]
        self._subject_optimizer.carry_on(earlier._subject_optimizer, self.replicas.subject_rows_in(earlier.replicas))
        self._item_optimizer.carry_on(earlier._item_optimizer, self.replicas.item_rows_in(earlier.replicas))

    def state(self) -> dict[str, Tensor]:
        """Everything that a resumption needs, by name."""
        state = {"subjects": self.subjects, "items": self.items}
        for table, optimizer in (("subjects", self._subject_optimizer), ("items", self._item_optimizer)):
            state |= {f"{table}.{name}": tensor for name, tensor in optimizer.state().items()}
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` gave."""
        for table, rows, optimizer in (
            ("subjects", self.subjects, self._subject_optimizer),
            ("items", self.items, self._item_optimizer),
        ):
            rows.copy_(state[table])
            optimizer.restore({name: state[f"{table}.{name}"] for name in optimizer.state()})

    def _contrast(self, round_number: int, item_views: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """InfoNCE of the items: loss [replicas], gradients by rows and by views [m, d]."""
        config, replicas = self.config, self.replicas
        if not (config.local_view and config.contrast_weight):
            nothing = torch.zeros_like(item_views)
            return item_views.new_zeros(len(replicas)), nothing, nothing
        stack = replicas.item_stack
        others = stack.negatives(config.contrast_negatives, self._contrast_draws, round_number)
        contrast = info_nce(
            stack.spread(self.items),
            stack.spread(item_views),
            item_views[others.rows],
            config.temperature,
            others.absent,
            config.contrast_weight / stack.sizes,
        )
        return stack.sums(contrast.loss), stack.collect(contrast.anchors), stack.collect(contrast.targets)
