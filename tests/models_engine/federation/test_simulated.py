"""The vectorised cohort against devices that run one by one."""

from dataclasses import replace

import torch

from models_engine.federation.cohort import Broadcast
from models_engine.fedshare.server import initial_items, initial_subjects
from models_engine.fedshare.views import propagate
from tests.worlds import SMALL, World

SEED = torch.tensor([1])


def _broadcast(world: World) -> Broadcast:
    items = initial_items(SMALL, world.item_keys, SEED)
    subjects = initial_subjects(SMALL, world.subject_keys, SEED)
    return Broadcast(items, *propagate(world.data.graph(), subjects, items, SMALL.layers))


def test_the_vectorised_cohort_gives_what_devices_give_one_by_one():
    world = World(subjects=12)
    config = replace(SMALL, contrast_weight=0.0)
    broadcast = _broadcast(world)
    n = world.data.n_subjects
    together = world.cohort(world.data, SEED, config).contribute(0, broadcast, torch.ones(n, dtype=torch.bool))
    own = torch.bincount(world.all.subjects, minlength=n) / len(world.all)
    parts = [
        world.cohort(world.data, SEED, config).contribute(0, broadcast, torch.arange(n) == device)
        for device in range(n)
    ]
    for name in ("items", "subject_views", "item_views", "loss"):
        alone = sum(share * getattr(part, name) for share, part in zip(own, parts, strict=True))
        torch.testing.assert_close(getattr(together, name), alone, rtol=1e-4, atol=1e-7)


def test_a_device_moves_no_vector_but_its_own():
    world = World(subjects=12)
    cohort = world.cohort(world.data, SEED)
    before = cohort.private.clone()
    cohort.contribute(0, _broadcast(world), torch.arange(12) == 4)
    moved = (cohort.private != before).any(-1).squeeze(1)
    assert moved.tolist() == [device == 4 for device in range(12)]


def test_every_device_takes_part_once_in_each_cycle():
    world = World(subjects=200)
    cohort = world.cohort(world.data, torch.tensor([1, 2]), replace(SMALL, participation=0.25))
    drawn = torch.stack([cohort._drawn(round_number) for round_number in range(4)])
    assert (drawn.sum(0) == 1).all()


def test_no_negative_is_an_interaction_of_the_subject():
    world = World()
    cohort = world.cohort(world.data, SEED)
    negative, valid = cohort._negatives(world.all.subjects, world.all.items, torch.zeros_like(world.all.items), 0)
    codes = world.all.subjects * world.data.n_items + negative
    assert torch.equal(valid, ~torch.isin(codes, world.all.codes(world.data.n_items)))
