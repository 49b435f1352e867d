"""What a few subjects whom a job does not concern are recommended, before it and after: to be looked at, not measured.

The measures of collateral are in the evidence; these are for the eyes of whoever answers for the recommender.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models_engine.fedshare import keyed
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.unlearning.strategy import Forgotten
from models_engine.registry.models import ModelVersion
from unlearning.jobs.context import JobContext
from unlearning.jobs.devices import simulated_fleet
from unlearning.jobs.models import RecommendationSample
from unlearning.lineage.models import Item, Subject

SUBJECTS, ITEMS = 5, 10
_DRAW = keyed.stream("sample")


@dataclass(frozen=True)
class Sample:
    """What one subject is recommended first."""

    subject_key: int
    before: list[str]
    after: list[str]


def draw_samples(context: JobContext, forgotten: Forgotten) -> list[Sample]:
    """The first items of some subjects in the old model and in the new."""
    keys = _unconcerned(context)
    before = _first_items(_as_it_was(context), context, keys)
    after = _first_items(_as_it_is(context, forgotten), context, keys)
    names = dict(
        Item.objects.filter(learning_key__in={key for first in (*before, *after) for key in first}).values_list(
            "learning_key", "external_id"
        )
    )
    return [
        Sample(key, [names[item] for item in was], [names[item] for item in now])
        for key, was, now in zip(keys.tolist(), before, after, strict=True)
    ]


def keep_samples(samples: list[Sample], version: ModelVersion) -> None:
    """Store them with the new version, of subjects who are still here; call it in the job's transaction."""
    present = Subject.objects.filter(learning_key__in=[sample.subject_key for sample in samples])
    subjects = {subject.learning_key: subject for subject in present}
    RecommendationSample.objects.bulk_create(
        RecommendationSample(
            version=version, subject=subjects[sample.subject_key], before=sample.before, after=sample.after
        )
        for sample in samples
        if sample.subject_key in subjects
    )


def _unconcerned(context: JobContext) -> Tensor:
    """Learning keys of some subjects who stay, share something, and took nothing back; the same at every attempt."""
    concerned = context.task.erased.clone()
    for pairs in context.pairs.values():
        concerned[pairs.subjects] = True
    able = (context.before.sharing() & ~concerned).nonzero().squeeze(1)
    keys = context.before.subject_keys[able]
    return keys[keyed.uniform(keys, context.model.seed, _DRAW).argsort()][:SUBJECTS]


def _as_it_was(context: JobContext) -> tuple[Tensor, Tensor]:
    """Representations of those who stay, and of items, while the withdrawn data was there.

    The server's part is over the graph of then. The devices are those of who stays: the others are wiped by now.
    """
    model, stays = context.model, ~context.task.erased
    subjects, items = model.views(context.before)
    cohort = context.task.make_cohort(model.config, Replicas([context.after], [model.seed]), None)
    return cohort.representations(model.items, subjects[stays], items)


def _as_it_is(context: JobContext, forgotten: Forgotten) -> tuple[Tensor, Tensor]:
    """The same in the model that has forgotten."""
    return forgotten.cohort.representations(forgotten.model.items, *forgotten.model.views(context.after))


def _first_items(representations: tuple[Tensor, Tensor], context: JobContext, keys: Tensor) -> list[list[int]]:
    """Learning keys of the items that each subject is recommended first, but for those that they know."""
    subjects, items = representations
    data = context.after
    rows = torch.cat([(data.subject_keys == key).nonzero().squeeze(1) for key in keys]) if len(keys) else keys
    scores = subjects[rows] @ items.T
    known = simulated_fleet().data().edges(data, held_out=False)
    for place, row in enumerate(rows.tolist()):
        scores[place, known.items[known.subjects == row]] = -torch.inf
    first = scores.topk(min(ITEMS, scores.shape[1])).indices
    return data.item_keys[first].tolist()
