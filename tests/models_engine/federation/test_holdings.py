"""What is drawn from what devices hold, against sets."""

import torch

from models_engine.federation.holdings import Holdings
from models_engine.fedshare.replicas import Replicas
from tests.worlds import World


def _holdings():
    world = World()
    replicas = Replicas([world.data] * 2, [1, 2])
    pairs = world.all.where(world.all.subjects != 5)
    return Holdings(replicas, replicas.union([pairs, pairs.where(pairs.subjects < 20)])), replicas


def test_all_pairs_of_those_who_take_part_are_drawn_and_no_others():
    holdings, replicas = _holdings()
    part = torch.arange(replicas.size[0]) % 3 == 0
    samples = holdings.sample(4, part)
    mine = part[holdings.subjects]
    rows = samples.members[samples.member]
    assert torch.equal(rows, holdings.subjects[mine])
    places = samples.positives.matrix(torch.ones(samples.positives.entries)).to_dense().nonzero()
    assert torch.equal(samples.members[places[:, 0]], holdings.subjects[mine])
    assert torch.equal(places[:, 1], holdings.items[mine])
    assert torch.equal(samples.counts, torch.bincount(samples.member, minlength=len(samples.members)))


def test_a_drawn_item_is_of_the_same_world_and_valid_unless_the_device_has_it():
    holdings, replicas = _holdings()
    held = set(zip(holdings.subjects.tolist(), holdings.items.tolist(), strict=True))
    everybody = torch.ones(replicas.size[0], dtype=torch.bool)
    for round_number in range(3):
        samples = holdings.sample(round_number, everybody)
        rows = samples.members[samples.member]
        drawn = zip(rows.tolist(), samples.negative_items.tolist(), strict=True)
        assert samples.valid.tolist() == [pair not in held for pair in drawn]
        assert not samples.valid.all()
        worlds = replicas.replica_of_subject[rows], replicas.replica_of_item[samples.negative_items]
        assert torch.equal(*worlds)
