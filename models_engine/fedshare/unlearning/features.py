"""What tells how far margins must fall that are withdrawn by themselves.

Models learn some pairs by heart and others hardly at all: what a training without the pair would show lies
below the model by 0.2 standard deviations on average on MovieLens-100K, and varies from pair to pair by as much.
One amplitude for all leaves that variation to an attacker. Features that are seen in the model and its data tell a
good part of it beforehand (the benchmark of forgetting says how much); `regression.py` weighs them.

*Of a pair alone*, over the views: what the edge itself adds to the margin, how much the margin gives way to a push
on the item and on the subject's row, how strongly the pair holds on to either row, and how many pairs the subject
shares and the device trains on.

*Of a subject who withdraws everything*, by fold-in from the items: the mean of its margins, how much that gives way to
a push on all of them, how many pairs there are, and how popular their items. *Of each of its pairs*, by how much it
departs from the others in its margin, in how much that gives way to a push on all of them and to one on its item alone,
and in how popular its item is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from models_engine.evaluation.margins import (
    directions,
    fold_in_scores,
    matched_items,
    pair_margins,
    pair_scores,
    standardised,
)
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.model import Model
from models_engine.fedshare.unlearning.push import Induced, Rows
from models_engine.fedshare.views import propagate

CONTRAST_ITEMS = 60
"""Untouched items that a pair is held against."""
_PROBE = 0.1
"""Amplitude of the push by which it is tried how far the margin of a pair gives way."""
_PROBE_OF_ALL = 0.4
"""The same of the pairs of who withdraws everything, about as far as they are to go."""


@dataclass(frozen=True)
class Features:
    """What a model and its data show of some pairs, as if each were withdrawn alone."""

    level: Tensor
    """Margin of each without its edge, [pairs]."""
    gives_way: Tensor
    """By how much a push on the pair lowers its level, for each unit of amplitude, [pairs]."""
    values: Tensor
    """The features, [pairs, features]."""
    level_after: Callable[[Tensor], Tensor]
    """The levels after a push with these amplitudes, [pairs] both."""


@dataclass(frozen=True)
class SubjectFeatures(Features):
    """The same, as if each subject alone withdrew all its pairs, which are pushed at once in `level_after`. Subjects
    stand in ascending order.
    """

    subject: Tensor
    """The place of the subject of each pair, int64 [pairs]."""
    of_subjects: Tensor
    """Features of the subjects, [subjects, features]."""
    gives_way_together: Tensor
    """By how much a push on all pairs of a subject lowers their levels on average, [subjects]."""

    def mean(self, values: Tensor) -> Tensor:
        """Over the pairs of each subject, [subjects], of values [pairs]."""
        return _means(values, self.subject)


def pair_features(
    model: Model,
    data: SharedData,
    induced: Induced,
    pairs: Edges,
    contrast: Tensor,
    holdings: Tensor,
    on_items: bool,
) -> Features:
    """Read them off, of each pair as if no other were withdrawn.

    Args:
        data: what the model learned from.
        contrast: int64 [pairs, count].
        holdings: how many pairs each device trained on, [n]; see `Cohort.holdings`.
        on_items: whether it is the items that will be pushed; else the subjects' rows are.
    """
    nobody = torch.zeros_like(data.subject_keys, dtype=torch.bool)
    chunks = [(chunk, data.without(pairs.where(chunk), nobody).graph()) for chunk in _apart(pairs)]

    def level_after(items: Tensor, subjects: Tensor) -> Tensor:
        level = torch.empty_like(items)
        for chunk, graph in chunks:
            some = pairs.where(chunk)
            rows = Rows(model.subjects, model.items).pushed(induced, some, items[chunk], subjects[chunk])
            views = propagate(graph, rows.subjects, rows.items, model.config.layers)
            level[chunk] = pair_margins(*views, some, contrast[chunk])
        return level

    subject_views, item_views = model.views(data)
    none = torch.zeros_like(pairs.subjects, dtype=item_views.dtype)
    level = level_after(none, none)
    of_edge = pair_margins(subject_views, item_views, pairs, contrast) - level
    of_items = (level - level_after(none + _PROBE, none)) / _PROBE
    of_rows = (level - level_after(none, none + _PROBE)) / _PROBE
    shared = torch.bincount(data.edges.subjects, minlength=data.n_subjects)[pairs.subjects].float()
    trained = holdings[pairs.subjects].float().clamp(min=1)
    spread = pair_scores(subject_views, item_views, pairs, contrast)[1].std(1).clamp(min=1e-9)
    reach = [
        (item_views[pairs.items], model.subjects[pairs.subjects], trained),
        (subject_views[pairs.subjects], model.items[pairs.items], data.item_popularity()[pairs.items].float()),
    ]
    holds = [view.norm(dim=-1) * row.norm(dim=-1) / (count * spread) for view, row, count in reach]
    # Under the root, since a pair's hold on a row goes down more slowly than their number goes up.
    scarce = torch.stack([*holds, 1 / shared, 1 / trained], 1).sqrt()
    values = torch.cat([torch.stack([of_edge, of_items, of_rows], 1), scarce], 1)
    if on_items:
        return Features(level, of_items, values, lambda amplitudes: level_after(amplitudes, none))
    return Features(level, of_rows, values, lambda amplitudes: level_after(none, amplitudes))


def subject_features(
    model: Model, data: SharedData, induced: Induced, pairs: Edges, contrast: Tensor
) -> SubjectFeatures:
    """Read them off, of each subject as if it alone withdrew all that it shares.

    Args:
        data: what the model learned from.
        pairs: all pairs of some subjects.
        contrast: int64 [pairs, count].
    """
    table, steps = directions(model.items), induced.items_of_each(pairs)
    centred = (model.items - model.items.mean(0))[pairs.items]  # a step of a few rows hardly moves the mean
    subject = torch.unique(pairs.subjects, return_inverse=True)[1]

    def level_after(amplitudes: Tensor, around: Tensor | None = None) -> Tensor:
        own = normalize(centred - amplitudes[:, None] * steps, dim=-1)
        return standardised(*fold_in_scores(table, pairs, contrast, own, around))

    none = torch.zeros_like(pairs.subjects, dtype=table.dtype)
    level = level_after(none)
    together, alone = (
        (level - level_after(none + _PROBE_OF_ALL, around)) / _PROBE_OF_ALL for around in (None, table[pairs.items])
    )
    popular = data.item_popularity()[pairs.items].float().log()
    of_pairs = torch.stack([level, together, popular, alone], 1)
    means = _means(of_pairs, subject)
    few = torch.bincount(subject).float().rsqrt()
    return SubjectFeatures(
        level=level,
        gives_way=alone,
        values=of_pairs - means[subject],
        level_after=level_after,
        subject=subject,
        of_subjects=torch.cat([means[:, :3], few[:, None]], 1),
        gives_way_together=means[:, 1],
    )


def _means(values: Tensor, group: Tensor) -> Tensor:
    """Means of values [pairs, …] over each group, [groups, …]."""
    counts = torch.bincount(group).to(values.dtype)
    sums = values.new_zeros(len(counts), *values.shape[1:]).index_add_(0, group, values)
    return sums / counts.reshape(-1, *[1] * (values.dim() - 1))


def _apart(pairs: Edges) -> list[Tensor]:
    """The pairs in chunks in which no subject and no item stands twice, so that each hardly feels the others; bool
    [pairs] each.
    """
    taken: list[set[tuple[str, int]]] = []
    chunk_of = []
    for subject, item in zip(pairs.subjects.tolist(), pairs.items.tolist(), strict=True):
        ends = {("subject", subject), ("item", item)}
        free = next((number for number, ends_in in enumerate(taken) if not ends & ends_in), len(taken))
        if free == len(taken):
            taken.append(set())
        taken[free] |= ends
        chunk_of.append(free)
    numbers = torch.tensor(chunk_of, device=pairs.subjects.device)
    return [numbers == number for number in range(len(taken))]


def contrasted(pairs: Edges, data: SharedData) -> Tensor:
    """Items to hold some pairs against, int64 [pairs, count].

    Raises:
        ValueError: a subject has touched nearly every item.
    """
    return matched_items(pairs, data.edges, data.item_popularity(), CONTRAST_ITEMS)
