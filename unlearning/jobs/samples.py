"""What a few subjects whom a job does not concern are recommended, before it and after: to be looked at, not measured.

The measures of collateral are in the evidence; these are for the eyes of whoever answers for the recommender.
"""

import torch
from torch import Tensor

from models_engine.federation.simulated import SimulatedCohort
from models_engine.fedshare import keyed
from models_engine.fedshare.data import SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.unlearning.strategy import Forgotten
from models_engine.registry.models import ModelVersion
from unlearning.jobs.context import JobContext
from unlearning.jobs.models import RecommendationSample
from unlearning.jobs.training import simulated_fleet
from unlearning.lineage.models import Item, Subject

SUBJECTS, ITEMS = 5, 10
_DRAW = keyed.stream("sample")


def keep_samples(context: JobContext, forgotten: Forgotten, version: ModelVersion) -> None:
    """Store the first items of some subjects in the old model and in the new; call it in the job's transaction.

    Args:
        version: the new one, as it was registered.
    """
    keys = _unconcerned(context)
    replicas = Replicas([context.before], [context.model.seed])
    old = context.task.make_cohort(context.model.config, replicas, None)
    before = _first_items(context.model, context.before, old, keys)
    after = _first_items(forgotten.model, context.after, forgotten.cohort, keys)
    names = dict(
        Item.objects.filter(learning_key__in={key for first in (*before, *after) for key in first}).values_list(
            "learning_key", "external_id"
        )
    )
    subjects = {one.learning_key: one for one in Subject.objects.filter(learning_key__in=keys.tolist())}
    RecommendationSample.objects.bulk_create(
        [
            RecommendationSample(
                version=version,
                subject=subjects[key],
                before=[names[item] for item in was],
                after=[names[item] for item in now],
            )
            for key, was, now in zip(keys.tolist(), before, after, strict=True)
            if key in subjects
        ]
    )


def _unconcerned(context: JobContext) -> Tensor:
    """Learning keys of some subjects who stay, share something, and took nothing back; the same at every attempt."""
    concerned = context.task.erased.clone()
    for pairs in context.pairs.values():
        concerned[pairs.subjects] = True
    able = (context.before.sharing() & ~concerned).nonzero().squeeze(1)
    keys = context.before.subject_keys[able]
    return keys[keyed.uniform(keys, context.model.seed, _DRAW).argsort()][:SUBJECTS]


def _first_items(model: Model, data: SharedData, cohort: SimulatedCohort, keys: Tensor) -> list[list[int]]:
    """Learning keys of the items that each subject is recommended first, but for those that they know."""
    rows = torch.cat([(data.subject_keys == key).nonzero().squeeze(1) for key in keys]) if len(keys) else keys
    subjects, items = cohort.representations(model.items, *model.views(data))
    scores = subjects[rows] @ items.T
    known = simulated_fleet().data().edges(data, held_out=False)
    for place, row in enumerate(rows.tolist()):
        scores[place, known.items[known.subjects == row]] = -torch.inf
    first = scores.topk(min(ITEMS, scores.shape[1])).indices
    return data.item_keys[first].tolist()
