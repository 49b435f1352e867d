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
    everything = keyed.normal(8, keys, 2, 3)
    assert torch.equal(everything[kept], keyed.normal(8, keys[kept], 2, 3))


def test_a_replica_draws_the_same_alone_and_among_others():
    keys, seeds = torch.arange(20).repeat(2), torch.tensor([5, 6]).repeat_interleave(20)
    together = keyed.normal(4, keys, seeds, 3)
    assert torch.equal(together[20:], keyed.normal(4, torch.arange(20), 6, 3))


def test_a_hash_can_be_gone_on_with():
    keys = torch.arange(50)
    assert torch.equal(keyed.extend(keyed.mix(keys, 3), 4, 5), keyed.mix(keys, 3, 4, 5))


def test_uniforms_fill_the_unit_interval_evenly():
    draws = keyed.uniform(torch.arange(100_000), 9)
    assert float(draws.min()) >= 0
    assert float(draws.max()) < 1
    counts = torch.histc(draws, 10, 0, 1)
    # χ² with 9 degrees of freedom: 27.9 is the 99.9 % point.
    assert float(((counts - 10_000) ** 2 / 10_000).sum()) < 27.9


def test_normals_have_mean_zero_and_variance_one():
    draws = keyed.normal(50, torch.arange(2_000), 1, 4)
    assert abs(float(draws.mean())) < 4 / 100_000**0.5
    assert abs(float(draws.var()) - 1) < 4 * (2 / 100_000) ** 0.5
