"""FedShare's own way to forget: push from the view that the withdrawn edges induced, pull to the retained one.

The *induced view* of a node is what the withdrawn edges alone carried to it, propagated once over
exactly those edges. For an item from historical subject rows, for a subject who stays from the items:

    h_i = Σ_{u : (u,i) withdrawn} s̄_u / √d_i,      h_u = Σ_{i : (u,i) withdrawn} q_i / √d_u,

with s̄_u the mean of u's rows over the snapshots and d the degree in the old graph. LightGCN would
divide by the other degree as well; but every pair of a subject trains its item, however many there
are. On MovieLens-100K, with 20 groups of 20 subjects, one amplitude for all left a spread of ρ of
0.10 like this and of 0.15 with √d_u (push alone).

*Push*: the affected rows step against it, q_i ← q_i - a h_i and s_u ← s_u - b h_u.

*Pull*: rounds over the retained graph, for the affected item rows alone and at a sixth of the step
size, bring them back to where the retained data wants them. The push removes the mean of the
influence; the pull removes the scatter that the push leaves behind, by which an attacker could tell
a pushed model at low false-positive rates. A small request leaves little scatter and gets few rounds.

The amplitudes decide where both end: neither short of the level of pairs never seen nor beyond it.
They are numbers of a model, measured by a rehearsal (`rehearsal.py`) on subjects who stay.

Rows of erased subjects are dropped.

After Qu et al., arXiv 2603.11610; cf. ReCUR's contrast of old and new embeddings.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor

from models_engine.federation.cohort import Cohort
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning.strategy import ForgetTask, Forgotten

_SHARE_OF_FULL_PULL = 1 / 200


def induced_items(model: Model, before: SharedData, withdrawn: Edges) -> Tensor:
    """h of the items, [m, d]; zero for items without a withdrawn edge."""
    weights = torch.rsqrt(before.item_popularity()[withdrawn.items].float())
    of_edge = weights[:, None] * model.history.mean(0)[withdrawn.subjects]
    return torch.zeros_like(model.items).index_add_(0, withdrawn.items, of_edge)


def induced_subjects(model: Model, before: SharedData, withdrawn: Edges) -> Tensor:
    """h of the subjects, [n, d]; zero for subjects without a withdrawn edge."""
    degree = torch.bincount(before.edges.subjects, minlength=before.n_subjects)
    of_edge = torch.rsqrt(degree[withdrawn.subjects].float())[:, None] * model.items[withdrawn.items]
    return torch.zeros_like(model.subjects).index_add_(0, withdrawn.subjects, of_edge)


def pull_rounds(config: FedShareConfig, withdrawn: int, pairs: int) -> int:
    """How many rounds of pull a request gets: all from one pair in two hundred on, in proportion below that."""
    return math.ceil(config.pull_rounds * min(1.0, withdrawn / (_SHARE_OF_FULL_PULL * pairs)))


def pulled(
    config: FedShareConfig,
    replicas: Replicas,
    subjects: Tensor,
    items: Tensor,
    affected: Tensor,
    rounds: int,
    cohort: Cohort,
    progress: Progress = lambda fraction: None,
) -> Tensor:
    """The item rows after the pull, [m, d].

    Args:
        config: of the model.
        replicas: the retained data; several worlds are several acts of forgetting side by side.
        subjects: rows of those who stay, [n, d].
        items: pushed rows, [m, d].
        affected: int64, the item rows that may move.
        cohort: the devices of those who stay.
    """
    server = Server(gentle(config), replicas, subjects, items)
    for round_number in range(rounds):
        # Rounds go on counting where training ended, so that no draw is made twice.
        server.settle(config.rounds + round_number, cohort, affected)
        progress((round_number + 1) / rounds)
    return server.items


def gentle(config: FedShareConfig) -> FedShareConfig:
    """The configuration with the step size of the pull."""
    return replace(config, learning_rate=config.learning_rate * config.pull_rate)


class Contrastive:
    """Seconds instead of a training; statistically equivalent at best, never exact."""

    name = "contrastive"
    exact = False

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`."""
        model, before, after = task.model, task.before, task.after()
        replicas = Replicas([after], [model.seed])
        withdrawn = task.withdrawn()
        leaving = task.erased[withdrawn.subjects]
        of_erased, of_others = withdrawn.where(leaving), withdrawn.where(~leaving)
        items = (
            model.items
            - task.calibration.erase * induced_items(model, before, of_erased)
            - task.calibration.unshare * induced_items(model, before, of_others)
        )
        subjects = model.subjects - task.calibration.unshare_rows * induced_subjects(model, before, of_others)
        cohort = task.make_cohort(gentle(model.config), replicas)
        rounds = pull_rounds(model.config, len(withdrawn), len(before.edges))
        affected = torch.unique(withdrawn.items)
        stays = ~task.erased
        items = pulled(model.config, replicas, subjects[stays], items, affected, rounds, cohort, progress)
        # The old rows of those who unshared are history of the withdrawn data: only the new ones may be kept.
        moved = torch.zeros(before.n_subjects, dtype=torch.bool)
        moved[of_others.subjects] = True
        history = torch.where(moved[:, None], subjects, model.history)
        forgotten = replace(model, subjects=subjects, items=items, history=history).keeping(stays)
        forgotten.assert_finite()
        progress(1.0)
        return Forgotten(forgotten, cohort)
