"""FedShare's own way to forget: pull to the retained view, push from the induced one.

The *induced view* of an item is what the withdrawn edges alone carried to it: historical subject
rows, propagated once over exactly those edges,

    h_i = Σ_{u : (u,i) withdrawn} s̄_u / √d_i,      s̄_u = mean of u's rows over the snapshots,

with d_i the item's degree in the old graph. LightGCN would divide by √d_u as well; but every pair
of a subject trains its item, however many there are. On MovieLens-100K, with 20 groups of 20
subjects, one amplitude for all leaves a spread of ρ of 0.10 as it stands here, of 0.15 with √d_u.

Affected item rows minimise the contrastive objective

    L(q_i) = |q_i - q_i°|² / 2a + <q_i, h_i>,

which pulls them to where they stood (q°, seen through the rebuilt graph: the retained view) and
pushes them from the induced view. Its minimum is q_i = q_i° - a h_i. The amplitude a decides where
the push stops, neither short of the level of pairs never seen nor beyond it; it is one number per
model and kind of request, measured by a rehearsal (`rehearsal.py`) on subjects who stay.

Rows of erased subjects are dropped. Rows of subjects who unshared hold the withdrawn pairs
themselves: they restart from their keyed start and are refitted against frozen items.

After Qu et al., arXiv 2603.11610; cf. ReCUR's contrast of old and new embeddings.
"""

from dataclasses import replace

import torch
from torch import Tensor

from models_engine.federation.cohort import Cohort
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.graph import Incidence
from models_engine.fedshare.model import Model
from models_engine.fedshare.server import Server, initial_subjects
from models_engine.fedshare.training import Progress
from models_engine.fedshare.unlearning.strategy import ForgetTask, Forgotten


def induced_view(model: Model, before: SharedData, withdrawn: Edges) -> Tensor:
    """h of the module's docstring, [m, replicas, d]; zero for items without a withdrawn edge."""
    weights = torch.rsqrt(before.item_popularity()[withdrawn.items].float())
    edges = Incidence(withdrawn.subjects, withdrawn.items, weights, (before.n_subjects, before.n_items))
    return edges.transposed(model.history.mean(0))


class Contrastive:
    """Seconds instead of a training; statistically equivalent at best, never exact."""

    name = "contrastive"
    exact = False

    def forget(self, task: ForgetTask, progress: Progress) -> Forgotten:
        """See `Strategy.forget`."""
        model, before, after = task.model, task.before, task.after()
        withdrawn = task.withdrawn()
        of_erased = task.erased[withdrawn.subjects]
        items = model.items
        for amplitude, part in (
            (task.calibration.erase, withdrawn.where(of_erased)),
            (task.calibration.unshare, withdrawn.where(~of_erased)),
        ):
            if amplitude and len(part):
                items = items - amplitude * induced_view(model, before, part)
        pushed = replace(model.keeping(~task.erased), items=items)
        affected = torch.zeros(before.n_subjects, dtype=torch.bool)
        affected[withdrawn.subjects] = True
        cohort = task.make_cohort(pushed, after)
        forgotten = _refit(pushed, after, affected[~task.erased], cohort, progress)
        forgotten.assert_finite()
        return Forgotten(forgotten, cohort)


def _refit(model: Model, data: SharedData, affected: Tensor, cohort: Cohort, progress: Progress) -> Model:
    """Give the affected subjects new rows, from their keyed start, against frozen items."""
    if not affected.any():
        progress(1.0)
        return model
    start = initial_subjects(model.config, model.subject_keys, model.seeds)
    mask = affected[:, None, None]
    server = Server(model.config, data, torch.where(mask, start, model.subjects), model.items)
    for round_number in range(model.config.refit_rounds):
        server.refit(round_number, cohort, affected)
        progress((round_number + 1) / model.config.refit_rounds)
    # Their old rows are history of the withdrawn data: only the refitted ones may be kept.
    return replace(
        model,
        subjects=server.subjects,
        history=torch.where(mask, server.subjects, model.history),
    )
