"""FedShare's own way to forget: pull to the view that is retained, push from the one that was induced.

The *induced view* of a node is what the withdrawn edges alone carried to it, propagated once over
exactly those edges. For an item from historical subject rows, for a subject who stays from the items:

    h_i = Σ_{u : (u,i) withdrawn} s̄_u / √d_i,      h_u = Σ_{i : (u,i) withdrawn} q_i / √d_u,

with s̄_u the mean of u's rows over the snapshots and d the degree in the old graph. LightGCN would
divide by the other degree as well; but every pair of a subject trains its item, however many there are.

*Pull*, for large requests: some rounds over the retained graph, at half the step size, in which the
affected rows alone learn. They take out most of the influence, pair by pair, and leave the model as
useful as it was.

*Push*: the affected rows step against what is left of it, q_i ← q_i - a h_i, s_u ← s_u - b_u h_u. The items of
a subject are alike, so that many pairs together need a shorter step, each, than one alone: b_u goes
linearly from one amplitude, where u withdraws a single pair, to another, where it withdraws all. A small
request has the push alone. The push comes last: before a pull it is undone by it, and more of it then
adds scatter, by which an attacker tells the model at low false-positive rates.

The amplitudes decide where it ends: neither short of the level of pairs never seen nor beyond it. They
are numbers of a model, by size and kind of request, measured by a rehearsal (`rehearsal.py`) on
subjects who stay. For a small unshare request they may be negative: the device goes on learning from the
pair, and what it sends of that brings a little of it back, which a model that never had the pair shows too.

Rows of erased subjects are dropped.

After Qu et al., arXiv 2603.11610; cf. ReCUR's contrast of old and new embeddings.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from models_engine.federation.cohort import Cohort
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning.strategy import ForgetTask, Forgotten, Push, Pushes

_SMALL = 1 / 200
"""Share of the pairs up to which a request counts as small."""


@dataclass(frozen=True)
class Rows:
    """The rows that forgetting works on, by row of the data before."""

    subjects: Tensor
    """[n, d]"""
    items: Tensor
    """[m, d]"""

    def pushed(self, model: Model, before: SharedData, withdrawn: Edges, push: Push) -> "Rows":
        """The rows after a step against the induced views; the rows of `model` say what those are."""
        degree, count = (torch.bincount(e.subjects, minlength=before.n_subjects) for e in (before.edges, withdrawn))
        part = (count - 1) / (degree - 1).clamp(min=1)
        amplitudes = push.rows_one + (push.rows - push.rows_one) * part
        return Rows(
            self.subjects - amplitudes[:, None] * induced_subjects(model, before, withdrawn),
            self.items - push.items * induced_items(model, before, withdrawn),
        )


def induced_items(model: Model, before: SharedData, withdrawn: Edges) -> Tensor:
    """h of the items, [m, d]; zero for items without a withdrawn edge."""
    weights = torch.rsqrt(before.item_popularity()[withdrawn.items].float())
    of_edge = weights[:, None] * model.history[:, withdrawn.subjects].mean(0)
    return torch.zeros_like(model.items).index_add_(0, withdrawn.items, of_edge)


def induced_subjects(model: Model, before: SharedData, withdrawn: Edges) -> Tensor:
    """h of the subjects, [n, d]; zero for subjects without a withdrawn edge."""
    degree = torch.bincount(before.edges.subjects, minlength=before.n_subjects)
    of_edge = torch.rsqrt(degree[withdrawn.subjects].float())[:, None] * model.items[withdrawn.items]
    return torch.zeros_like(model.subjects).index_add_(0, withdrawn.subjects, of_edge)


def is_small(withdrawn: Edges, before: SharedData) -> bool:
    """Whether a push alone will do."""
    return len(withdrawn) <= _SMALL * len(before.edges)


def gentle(config: FedShareConfig) -> FedShareConfig:
    """The configuration with the step size of the pull."""
    return replace(config, learning_rate=config.learning_rate * config.pull_rate)


def pull(
    model: Model,
    after: SharedData,
    stays: Tensor,
    withdrawn: Edges,
    cohort: Cohort,
    progress: Progress = lambda fraction: None,
) -> Rows:
    """The model's rows after learning on over the retained graph, the affected ones alone.

    Args:
        after: the retained data.
        stays: bool [n], the subjects whom it names.
        withdrawn: by row of the data before.
        cohort: the devices of those who stay.
    """
    config = model.config
    server = Server(gentle(config), Replicas([after], [model.seed]), model.subjects[stays], model.items)
    concerned = torch.zeros_like(stays)
    concerned[withdrawn.subjects] = True
    affected_subjects = concerned[stays].nonzero().squeeze(1)
    affected_items = torch.unique(withdrawn.items)
    for round_number in range(config.pull_rounds):
        # Rounds go on counting where training ended, so that no draw is made twice.
        server.settle(config.rounds + round_number, cohort, affected_subjects, affected_items)
        progress((round_number + 1) / config.pull_rounds)
    subjects = model.subjects.clone()
    subjects[stays] = server.subjects
    return Rows(subjects, server.items)


class Contrastive:
    """Seconds instead of a training; statistically equivalent at best, never exact."""

    name = "contrastive"
    exact = False

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`."""
        model, before, after, stays = task.model, task.before, task.after(), ~task.erased
        withdrawn = task.withdrawn()
        cohort = task.make_cohort(gentle(model.config), Replicas([after], [model.seed]), None)
        if is_small(withdrawn, before):
            rows, pushes = Rows(model.subjects, model.items), task.calibration.small
        else:
            rows, pushes = pull(model, after, stays, withdrawn, cohort, progress), task.calibration.large
        for part, push in _parts(task, pushes):
            if len(part):
                rows = rows.pushed(model, before, part, push)
        # The old rows of those who withdrew are history of that data: only the new ones may be kept.
        moved = torch.zeros_like(task.erased)
        moved[withdrawn.subjects] = True
        history = torch.where(moved[:, None], rows.subjects, model.history)
        forgotten = replace(model, subjects=rows.subjects, items=rows.items, history=history).keeping(stays)
        forgotten.assert_finite()
        progress(1.0)
        return Forgotten(forgotten, cohort)


def _parts(task: ForgetTask, pushes: Pushes) -> list[tuple[Edges, Push]]:
    return [
        (task.of_leavers(), pushes.leave),
        (task.deleted, pushes.delete),
        (task.unshared, pushes.unshare),
    ]
