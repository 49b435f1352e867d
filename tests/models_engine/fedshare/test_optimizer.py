"""Adam by rows, against torch's own."""

import torch

from models_engine.fedshare.optimizer import RowAdam


def _draw(seed):
    return torch.randn(5, 3, generator=torch.Generator().manual_seed(seed))


def test_rows_that_all_step_go_as_adam_has_it():
    table, theirs = _draw(0), torch.nn.Parameter(_draw(0))
    mine, adam = RowAdam(table, 0.03), torch.optim.Adam([theirs], lr=0.03)
    for seed in range(1, 30):
        mine.step(_draw(seed))
        theirs.grad = _draw(seed)
        adam.step()
    torch.testing.assert_close(table, theirs.detach())


def test_a_row_that_sits_out_keeps_its_moments():
    apart, table = _draw(0)[:2].clone(), _draw(0)
    alone, among = RowAdam(apart, 0.03), RowAdam(table, 0.03)
    for seed in range(1, 6):
        alone.step(_draw(seed)[:2])
        among.step(_draw(seed)[:2], torch.tensor([0, 1]))
        among.step(_draw(seed)[2:4], torch.tensor([2, 3]))
    torch.testing.assert_close(table[:2], apart)
    assert torch.equal(table[4], _draw(0)[4])


def test_at_three_times_the_pace_a_row_goes_three_times_as_far():
    table, start = _draw(0), _draw(0)
    RowAdam(table, 0.03).step(_draw(1)[:2], torch.tensor([0, 1]), pace=torch.tensor([[1.0], [3.0]]))
    way = (table - start).abs()
    torch.testing.assert_close(way[:2], torch.tensor([[0.03], [0.09]]).expand(2, 3))
    assert torch.equal(table[2:], start[2:])
