"""Worlds of different size, side by side."""

import torch

from models_engine.fedshare import keyed
from models_engine.fedshare.stack import Stack

_WORLD = torch.tensor([0, 0, 0, 1, 3, 3])


def test_rows_come_back_as_they_were_laid_out():
    stack, rows = Stack(_WORLD, 4), torch.arange(12.0).view(6, 2)
    spread = stack.spread(rows)
    assert spread.shape == (4, 3, 2)
    assert torch.equal(spread[0], rows[:3])
    assert torch.equal(spread[3], torch.cat([rows[4:], torch.zeros(1, 2)]))
    assert torch.equal(stack.collect(spread), rows)


def test_sums_leave_out_what_no_row_stands_for():
    stack = Stack(_WORLD, 4)
    assert stack.sums(torch.ones(4, 3)).tolist() == [3, 1, 0, 2]


def test_negatives_are_distinct_rows_of_the_own_world_and_all_of_a_short_one():
    world = torch.tensor([0] * 50 + [1] * 5)
    drawn = Stack(world, 2).negatives(8, keyed.mix(torch.arange(55)), 3)
    assert not drawn.absent[0].any()
    assert len(torch.unique(drawn.rows[0])) == 8
    assert int(drawn.rows[0].max()) < 50
    assert sorted(drawn.rows[1][~drawn.absent[1]].tolist()) == [50, 51, 52, 53, 54]


def test_a_world_draws_the_same_alone_and_among_others():
    keys = torch.arange(30)
    alone = Stack(torch.zeros(30, dtype=torch.int64), 1).negatives(8, keyed.mix(keys, 6), 3)
    seeds = torch.tensor([5, 6]).repeat_interleave(30)
    both = Stack(torch.tensor([0, 1]).repeat_interleave(30), 2).negatives(8, keyed.mix(keys.repeat(2), seeds), 3)
    assert torch.equal(both.rows[1] - 30, alone.rows[0])
