import math

import pytest
import torch

from models_engine.evaluation.ranking import popularity_quality, ranking_quality
from models_engine.fedshare.data import Edges


def _edges(*pairs: tuple[int, int]) -> Edges:
    table = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2)
    return Edges(table[:, 0], table[:, 1])


def test_recall_and_ndcg_of_a_case_worked_by_hand():
    # One subject, scores 4 3 2 1 0; item 0 is known; held out are items 2 and 4; top 2 is items 1, 2.
    quality = ranking_quality(
        torch.ones(1, 1), torch.tensor([[4.0], [3.0], [2.0], [1.0], [0.0]]), _edges((0, 0)), _edges((0, 2), (0, 4)), k=2
    )
    assert quality.recall == pytest.approx(0.5)
    assert quality.ndcg == pytest.approx((1 / math.log2(3)) / (1 + 1 / math.log2(3)))


def test_a_perfect_ranking_scores_one():
    quality = ranking_quality(
        torch.eye(2), torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]), _edges(), _edges((0, 0), (1, 1)), k=1
    )
    assert (quality.recall, quality.ndcg, quality.subjects) == (1.0, 1.0, 2)


def test_popularity_recommends_the_most_shared_item():
    quality = popularity_quality(torch.tensor([1, 5, 2]), 2, _edges((0, 0)), _edges((0, 1), (1, 2)), k=1)
    assert quality.recall == pytest.approx(0.5)


def test_nothing_held_out_is_refused():
    with pytest.raises(ValueError, match="held out"):
        ranking_quality(torch.ones(1, 1), torch.ones(2, 1), _edges(), _edges())
