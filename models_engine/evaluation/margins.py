"""How far pairs stand out against pairs never seen: the raw material of attacks and of calibration.

A margin is a pair's score less the mean score of its contrast pairs, in units of their standard
deviation. Contrast pairs are the same subject with items of like popularity that it never touched.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from models_engine.fedshare.data import Edges

_PIECE = 128


def matched_items(pairs: Edges, touched: Edges, popularity: Tensor, count: int) -> Tensor:
    """For each pair, the untouched items nearest in popularity to its item.

    Args:
        pairs: the pairs to match.
        touched: every pair of these subjects that is known to be true.
        popularity: int64 [m].
        count: how many contrast items a pair gets.

    Returns:
        int64 [pairs, count].

    Raises:
        ValueError: a subject has touched nearly every item.
    """
    order = torch.argsort(popularity, stable=True)
    matched = pairs.items.new_empty(len(pairs), count)
    window = torch.arange(count, device=popularity.device)
    subjects = torch.unique(pairs.subjects)
    for mine, theirs in zip(_places(pairs, subjects), _places(touched, subjects), strict=True):
        free = torch.ones_like(popularity, dtype=torch.bool)
        free[touched.items[theirs]] = False
        candidates = order[free[order]]
        if len(candidates) < count:
            raise ValueError(f"only {len(candidates)} items are left to contrast with, {count} are needed")
        near = torch.searchsorted(popularity[candidates].contiguous(), popularity[pairs.items[mine]])
        start = (near[:, None] - count // 2).clamp(0, len(candidates) - count)
        matched[mine] = candidates[start + window]
    return matched


def fold_in_margins(table: Tensor, pairs: Edges, contrast: Tensor) -> Tensor:
    """Margins of pairs scored by the subject's other pairs; see `fold_in_scores`. A lone pair's is 0.

    Returns:
        float32 [pairs].
    """
    return standardised(*fold_in_scores(directions(table), pairs, contrast))


def pair_margins(subjects: Tensor, items: Tensor, pairs: Edges, contrast: Tensor) -> Tensor:
    """Margins of pairs scored by the inner product of the two views; see `pair_scores`.

    Returns:
        float32 [pairs].
    """
    return standardised(*pair_scores(subjects, items, pairs, contrast))


def directions(table: Tensor) -> Tensor:
    """Item rows [m, d] less their mean, at unit length: inner products of these are cosines."""
    return functional.normalize(table - table.mean(0), dim=-1)


def fold_in_scores(
    rows: Tensor, pairs: Edges, contrast: Tensor, own: Tensor | None = None, around: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Scores by the subject's other pairs, from the item table alone.

    The score of (u, i) is the cosine sum between i and the rest of u's pairs. It needs no row of
    the subject, so it survives the deletion of that row.

    Args:
        rows: directions of the items [m, d].
        pairs: pairs that also form the subjects' contexts; where a subject has one pair all its scores are 0.
        contrast: int64 [pairs, count], from `matched_items`.
        own: directions of the pairs' items [pairs, d], where each subject has its own; None for those of the table.
        around: the same, of those that the contexts are formed of; None for `own`.

    Returns:
        float32 [pairs] of the pairs, float32 [pairs, count] of the contrast.
    """
    _, group = torch.unique(pairs.subjects, return_inverse=True)
    own = rows[pairs.items] if own is None else own
    around = own if around is None else around
    context = rows.new_zeros(int(group.max()) + 1, rows.shape[1]).index_add(0, group, around)[group] - around
    alone = torch.bincount(group)[group] < 2  # what the subtraction leaves of a lone pair is rounding
    context = context.masked_fill(alone[:, None], 0.0)
    return (own * context).sum(-1), _products(context, rows, contrast)


def neighbour_scores(rows: Tensor, pairs: Edges, contrast: Tensor, nearest: int = 3) -> tuple[Tensor, Tensor]:
    """Scores by the nearest few of the subject's other items: what a list of similar items would show.

    The score of (u, i) is the mean cosine between i and those of u's other items that are nearest to it.
    Other arguments, and results, as of `fold_in_scores`.
    """
    own, against = rows.new_zeros(len(pairs)), rows.new_zeros(contrast.shape)
    for subject in torch.unique(pairs.subjects):
        mine = pairs.subjects == subject
        items = pairs.items[mine]
        count = min(nearest, len(items) - 1)
        if count:
            near = _largest(rows @ rows[items].T, count + 1)
            own[mine] = near[items, 1:].mean(1)  # the nearest to an item is itself
            against[mine] = near[:, :count].mean(1)[contrast[mine]]
    return own, against


def pair_scores(subjects: Tensor, items: Tensor, pairs: Edges, contrast: Tensor) -> tuple[Tensor, Tensor]:
    """Scores by the inner product of the two views.

    Args:
        subjects: views [n, d].
        items: views [m, d].
        contrast: int64 [pairs, count].

    Returns:
        float32 [pairs] of the pairs, float32 [pairs, count] of the contrast.
    """
    of_subject = subjects[pairs.subjects]
    return (of_subject * items[pairs.items]).sum(-1), _products(of_subject, items, contrast)


def _places(edges: Edges, subjects: Tensor) -> list[Tensor]:
    """Where the edges of each subject stand, int64 each."""
    places = torch.isin(edges.subjects, subjects).nonzero().squeeze(1)  # few are asked for: only theirs are sorted
    owners, order = edges.subjects[places].sort(stable=True)
    first, after = (torch.searchsorted(owners, subjects, right=right).tolist() for right in (False, True))
    return [places[order[start:end]] for start, end in zip(first, after, strict=True)]


def _largest(values: Tensor, count: int) -> Tensor:
    """The largest of each row, descending; numpy finds a few among dozens in half of torch's time."""
    kept = np.partition(values.cpu().numpy(), values.shape[1] - count, axis=1)[:, -count:]
    return torch.from_numpy(np.sort(kept, axis=1)[:, ::-1].copy()).to(values.device)


def _products(rows: Tensor, items: Tensor, contrast: Tensor) -> Tensor:
    """Inner products of rows [p, d] with the items that each is held against; [p, count]."""
    # In pieces that stay in the processor's cache: gathered at once, the items would fill gigabytes.
    pieces = zip(rows.split(_PIECE), contrast.split(_PIECE), strict=True)
    return torch.cat([torch.bmm(items[held], row[:, :, None])[:, :, 0] for row, held in pieces])


def standardised(score: Tensor, against: Tensor) -> Tensor:
    """Scores [pairs] less the mean of [pairs, count], in standard deviations of these; 0 where they don't vary."""
    return (score - against.mean(1)) / against.std(1).clamp(min=1e-9)
