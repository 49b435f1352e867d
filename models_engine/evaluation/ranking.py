"""Top-k quality on held-out interactions."""

from dataclasses import dataclass

import torch
from torch import Tensor

from models_engine.fedshare.data import Edges

_CHUNK = 2048


@dataclass(frozen=True)
class RankingQuality:
    """Means over the subjects who have held-out interactions."""

    recall: float
    ndcg: float
    subjects: int
    k: int


@dataclass(frozen=True)
class SubjectQuality:
    """Of each subject who has held-out interactions."""

    recall: Tensor
    """float64 [subjects]"""
    ndcg: Tensor
    """float64 [subjects]"""
    k: int

    def mean(self) -> RankingQuality:
        """Over the subjects."""
        return RankingQuality(float(self.recall.mean()), float(self.ndcg.mean()), len(self.recall), self.k)


def ranking_quality(subjects: Tensor, items: Tensor, known: Edges, held_out: Edges, k: int = 20) -> RankingQuality:
    """The means of `subject_quality`, whose arguments and errors these are."""
    return subject_quality(subjects, items, known, held_out, k).mean()


def subject_quality(subjects: Tensor, items: Tensor, known: Edges, held_out: Edges, k: int = 20) -> SubjectQuality:
    """Recall@k and NDCG@k with binary relevance (Järvelin & Kekäläinen, TOIS 2002), in the subjects' order.

    Args:
        subjects: [n, d], what a subject scores with.
        items: [m, d].
        known: pairs that are never recommended again.
        held_out: pairs to be found.

    Raises:
        ValueError: nothing is held out.
    """
    n, m = len(subjects), len(items)
    wanted = torch.bincount(held_out.subjects, minlength=n)
    judged = wanted.nonzero().squeeze(1)
    if len(judged) == 0:
        raise ValueError("no interaction is held out: there is nothing to evaluate on")
    k = min(k, m)
    discount = 1 / torch.log2(torch.arange(k, device=items.device) + 2.0)
    ideal = torch.cumsum(discount, 0)
    held_codes = held_out.codes(m)
    recall, ndcg = [], []
    for rows in judged.split(_CHUNK):
        scores = subjects[rows] @ items.T
        place = torch.full((n,), -1, device=items.device)
        place[rows] = torch.arange(len(rows), device=items.device)
        seen = known.where(place[known.subjects] >= 0)
        scores[place[seen.subjects], seen.items] = -torch.inf
        top = scores.topk(k, dim=1).indices
        hits = torch.isin(rows[:, None] * m + top, held_codes).to(scores.dtype)
        recall.append(hits.sum(1) / wanted[rows])
        ndcg.append((hits * discount).sum(1) / ideal[wanted[rows].clamp(max=k) - 1])
    return SubjectQuality(torch.cat(recall).double(), torch.cat(ndcg).double(), k)


def popularity_quality(
    popularity: Tensor, n_subjects: int, known: Edges, held_out: Edges, k: int = 20
) -> RankingQuality:
    """The baseline that recommends everybody what most subjects share; popularity is int64 [m]."""
    everybody = torch.ones(n_subjects, 1, device=popularity.device)
    return ranking_quality(everybody, popularity[:, None].to(torch.float32), known, held_out, k)
