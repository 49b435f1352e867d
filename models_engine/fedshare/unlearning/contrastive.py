"""FedShare's own way to forget: pull to the retained view, push from the induced one.

The *induced view* of an item is what the withdrawn edges alone carried to it: historical subject
rows, propagated once over exactly those edges,

    h_i = Σ_{u : (u,i) withdrawn} s̄_u / √d_i,      s̄_u = mean of u's rows over the snapshots,

with d_i the item's degree in the old graph. LightGCN would divide by √d_u as well; but every pair
of a subject trains its item, however many there are. On MovieLens-100K, with 20 groups of 20
subjects, one amplitude for all left a spread of ρ of 0.10 like this and of 0.15 with √d_u (push alone).

*Push*: the affected item rows step against it, q_i ← q_i - a h_i.

*Pull*: two cycles of learning over the retained graph, for the affected item rows alone and at a
sixth of the step size, bring them back to where the retained data wants them. The push removes the
mean of the influence; the pull removes the scatter that the push leaves behind, by which an
attacker could tell a pushed model at low false-positive rates.

The amplitude a decides where both end: neither short of the level of pairs never seen nor beyond
it. It is one number per model and kind of request, measured by a rehearsal (`rehearsal.py`) on
subjects who stay.

Rows of erased subjects are dropped. Rows of subjects who unshared hold the withdrawn pairs
themselves: they restart from their keyed start and are refitted against frozen items.

After Qu et al., arXiv 2603.11610; cf. ReCUR's contrast of old and new embeddings.
"""

from dataclasses import replace

import torch
from torch import Tensor

from models_engine.federation.cohort import Cohort
from models_engine.fedshare.config import FedShareConfig
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.graph import Incidence
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server, initial_subjects
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning.strategy import ForgetTask, Forgotten


def induced_view(model: Model, before: SharedData, withdrawn: Edges) -> Tensor:
    """h of the module's docstring, [m, d]; zero for items without a withdrawn edge."""
    weights = torch.rsqrt(before.item_popularity()[withdrawn.items].float())
    edges = Incidence(withdrawn.subjects, withdrawn.items, weights, (before.n_subjects, before.n_items))
    return edges.transposed(model.history.mean(0))


def push_and_pull(
    config: FedShareConfig,
    replicas: Replicas,
    subjects: Tensor,
    items: Tensor,
    push: Tensor,
    cohort: Cohort,
    progress: Progress = lambda fraction: None,
) -> Tensor:
    """The item rows after a push and the pull that follows it, [m, d].

    Args:
        config: of the model.
        replicas: the retained data; several worlds are several acts of forgetting side by side.
        subjects: rows of those who stay, [n, d].
        push: what is taken off the item rows, [m, d]; rows that it leaves alone stay fixed.
        cohort: the devices of those who stay.
    """
    server = Server(gentle(config), replicas, subjects, items - push)
    affected = (push != 0).any(1).nonzero().squeeze(1)
    for round_number in range(config.pull_rounds):
        # Rounds go on counting where training ended, so that no draw is made twice.
        server.settle(config.rounds + round_number, cohort, affected)
        progress((round_number + 1) / config.pull_rounds)
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
        of_erased = task.erased[withdrawn.subjects]
        push = torch.zeros_like(model.items)
        for amplitude, part in (
            (task.calibration.erase, withdrawn.where(of_erased)),
            (task.calibration.unshare, withdrawn.where(~of_erased)),
        ):
            push += amplitude * induced_view(model, before, part)
        staying = model.keeping(~task.erased)
        cohort = task.make_cohort(gentle(model.config), replicas)
        items = push_and_pull(
            model.config, replicas, staying.subjects, model.items, push, cohort, lambda done: progress(done / 2)
        )
        affected = torch.zeros(before.n_subjects, dtype=torch.bool)
        affected[withdrawn.subjects] = True
        forgotten = _refit(replace(staying, items=items), replicas, affected[~task.erased], cohort)
        forgotten.assert_finite()
        progress(1.0)
        return Forgotten(forgotten, cohort)


def _refit(model: Model, replicas: Replicas, affected: Tensor, cohort: Cohort) -> Model:
    """Give the affected subjects new rows, from their keyed start, against frozen items."""
    rows = affected.nonzero().squeeze(1)
    if len(rows) == 0:
        return model
    mask = affected[:, None]
    start = torch.where(mask, initial_subjects(model.config, replicas), model.subjects)
    server = Server(model.config, replicas, start, model.items)
    for round_number in range(model.config.refit_rounds):
        server.refit(round_number, cohort, rows)
    # Their old rows are history of the withdrawn data: only the refitted ones may be kept.
    return replace(
        model,
        subjects=server.subjects,
        history=torch.where(mask, server.subjects, model.history),
    )
