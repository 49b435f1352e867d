import torch

from models_engine.fedshare.graph import normalized
from models_engine.fedshare.views import propagate


def test_one_layer_over_a_single_edge_swaps_the_rows():
    graph = normalized(torch.tensor([0]), torch.tensor([0]), 1, 1)
    subjects, items = torch.tensor([[2.0]]), torch.tensor([[4.0]])
    views = propagate(graph, subjects, items, layers=1)
    # Mean of layer 0 (2, 4) and layer 1 (4, 2).
    assert views[0].item() == 3.0
    assert views[1].item() == 3.0


def test_weights_are_one_over_the_root_of_both_degrees():
    graph = normalized(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2, 2)
    dense = graph @ torch.eye(2)
    expected = torch.tensor([[1 / 2**0.5, 1 / 2], [0.0, 1 / 2**0.5]])
    torch.testing.assert_close(dense, expected)


def test_propagation_is_its_own_transpose():
    generator = torch.Generator().manual_seed(0)
    codes = torch.randperm(30, generator=generator)[:12]
    graph = normalized(codes // 6, codes % 6, 5, 6)

    def draw(n):
        return torch.randn(n, 3, generator=generator)

    (s1, i1), (s2, i2) = (draw(5), draw(6)), (draw(5), draw(6))
    a_s, a_i = propagate(graph, s1, i1, 2)
    b_s, b_i = propagate(graph, s2, i2, 2)
    torch.testing.assert_close((a_s * s2).sum() + (a_i * i2).sum(), (b_s * s1).sum() + (b_i * i1).sum())
