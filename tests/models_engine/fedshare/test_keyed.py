import torch

from models_engine.fedshare import keyed


def test_mix_starts_like_the_published_splitmix64():
    # First output of SplitMix64 for seed 0 (reference implementation by Vigna).
    assert int(keyed.mix(torch.tensor(0))) & (2**64 - 1) == 0xE220A8397B1DCDAF


def test_draws_for_different_purposes_differ():
    rows = torch.arange(100)
    assert not torch.equal(keyed.uniform(rows, keyed.stream("a")), keyed.uniform(rows, keyed.stream("b")))


def test_leaving_a_row_out_changes_no_other():
    keys = torch.arange(50)
    kept = keys != 17
    everything = keyed.normal(keys, torch.tensor([1, 2]), 8, 3)
    assert torch.equal(everything[kept], keyed.normal(keys[kept], torch.tensor([1, 2]), 8, 3))


def test_a_replica_draws_the_same_alone_and_among_others():
    keys = torch.arange(20)
    together = keyed.normal(keys, torch.tensor([5, 6]), 4, 3)
    assert torch.equal(together[:, 1:], keyed.normal(keys, torch.tensor([6]), 4, 3))


def test_uniforms_fill_the_unit_interval_evenly():
    draws = keyed.uniform(torch.arange(100_000), 9)
    assert float(draws.min()) >= 0
    assert float(draws.max()) < 1
    counts = torch.histc(draws, 10, 0, 1)
    # χ² with 9 degrees of freedom: 27.9 is the 99.9 % point.
    assert float(((counts - 10_000) ** 2 / 10_000).sum()) < 27.9


def test_normals_have_mean_zero_and_variance_one():
    draws = keyed.normal(torch.arange(2_000), torch.tensor([1]), 50, 4)
    assert abs(float(draws.mean())) < 4 / 100_000**0.5
    assert abs(float(draws.var()) - 1) < 4 * (2 / 100_000) ** 0.5
