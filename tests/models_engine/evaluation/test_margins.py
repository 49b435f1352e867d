import pytest
import torch

from models_engine.evaluation.margins import fold_in_margins, matched_items, neighbour_scores, pair_margins
from models_engine.fedshare.data import Edges


def test_contrast_items_are_untouched_and_nearest_in_popularity():
    popularity = torch.tensor([1, 2, 3, 4, 5, 6, 7, 8, 9])
    pairs = Edges(torch.tensor([0]), torch.tensor([4]))
    touched = Edges(torch.tensor([0, 0]), torch.tensor([4, 3]))
    assert sorted(matched_items(pairs, touched, popularity, 4)[0].tolist()) == [1, 2, 5, 6]


def test_too_few_untouched_items_are_refused():
    with pytest.raises(ValueError, match="only 1 items"):
        matched_items(
            Edges(torch.tensor([0]), torch.tensor([0])),
            Edges(torch.tensor([0, 0]), torch.tensor([0, 1])),
            torch.tensor([1, 1, 1]),
            2,
        )


def test_a_pair_margin_is_the_score_over_the_contrasts_in_their_deviations():
    subjects = torch.ones(1, 1)
    items = torch.tensor([5.0, 1.0, 2.0, 3.0]).reshape(4, 1)
    margin = pair_margins(subjects, items, Edges(torch.tensor([0]), torch.tensor([0])), torch.tensor([[1, 2, 3]]))
    assert margin.item() == pytest.approx((5 - 2) / 1)


def test_fold_in_margins_do_not_change_when_the_space_is_rotated():
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(50, 6, generator=generator)
    rotation = torch.linalg.qr(torch.randn(6, 6, generator=generator)).Q
    pairs = Edges(torch.tensor([0, 0, 0, 1, 1]), torch.tensor([0, 1, 2, 3, 4]))
    contrast = torch.randint(5, 50, (5, 20), generator=generator)
    torch.testing.assert_close(
        fold_in_margins(table, pairs, contrast),
        fold_in_margins(table @ rotation, pairs, contrast),
        rtol=1e-3,
        atol=1e-4,
    )


def test_items_that_were_pulled_together_stand_out():
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(200, 8, generator=generator)
    table[:5] += 5.0
    pairs = Edges(torch.zeros(5, dtype=torch.int64), torch.arange(5))
    contrast = torch.arange(5, 65).expand(5, 60)
    assert fold_in_margins(table, pairs, contrast).min() > 1.5


def test_a_subject_with_one_pair_has_no_context_and_margin_zero():
    table = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
    pairs = Edges(torch.tensor([0]), torch.tensor([0]))
    assert fold_in_margins(table, pairs, torch.arange(1, 21)[None]).tolist() == [0.0]


def test_neighbour_scores_by_hand():
    # Three items of one subject: two alike, one apart. The nearest other item of the first is the second.
    rows = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 1.0], [-1.0, 0.0]])
    pairs = Edges(torch.tensor([0, 0, 0]), torch.tensor([0, 1, 2]))
    own, against = neighbour_scores(rows, pairs, torch.tensor([[3], [3], [3]]), nearest=1)
    assert own.tolist() == pytest.approx([0.8, 0.8, 0.6])
    assert against[:, 0].tolist() == pytest.approx([0.0, 0.0, 0.0])  # item 3 is nearest to the third


def test_a_lone_pair_has_no_neighbours():
    own, against = neighbour_scores(torch.eye(3), Edges(torch.tensor([0]), torch.tensor([1])), torch.tensor([[0, 2]]))
    assert (own.tolist(), against.tolist()) == ([0.0], [[0.0, 0.0]])
