"""The vectorised cohort against devices that run one by one, and what the server can get hold of."""

import multiprocessing
from dataclasses import fields, replace

import pytest
import torch

from models_engine.federation.cohort import Broadcast, Contribution
from models_engine.fedshare.data import Edges
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server, initial_items, initial_subjects
from models_engine.fedshare.views import propagate
from tests.worlds import SMALL, World

_GRADIENTS = ("items", "subject_views", "item_views")


def _replicas(world: World, *seeds: int) -> Replicas:
    return Replicas([world.data] * len(seeds), seeds)


def _broadcast(replicas: Replicas) -> Broadcast:
    items, subjects = initial_items(SMALL, replicas), initial_subjects(SMALL, replicas)
    return Broadcast(items, *propagate(replicas.graph(), subjects, items, SMALL.layers))


@pytest.mark.parametrize("contrast_weight", [0.0, 0.1])
def test_the_vectorised_cohort_gives_what_devices_give_one_by_one(contrast_weight):
    world = World(subjects=12)
    replicas = _replicas(world, 1)
    config = replace(SMALL, contrast_weight=contrast_weight, l2=0.0)
    broadcast = _broadcast(replicas)
    n = world.data.n_subjects
    # A device alone divides by its own pairs and contrasts itself alone: scaled by its share, the sum is the cohort's.
    pairs = torch.bincount(world.all.subjects, minlength=n)
    assert (pairs == pairs[0]).all()
    assert world.data.sharing().all()
    together = world.cohort(replicas, config)
    alone = world.cohort(replicas, config)
    expected = together.contribute(0, broadcast, torch.ones(n, dtype=torch.bool))
    parts = [alone.contribute(0, broadcast, torch.arange(n) == device) for device in range(n)]
    for name in (*_GRADIENTS, "loss"):
        mean = sum(getattr(part, name) for part in parts) / n
        torch.testing.assert_close(getattr(expected, name), mean, rtol=1e-4, atol=1e-7)
    if not contrast_weight:  # Adam's first step is a sign, whatever the scale
        torch.testing.assert_close(together.private, alone.private, rtol=1e-3, atol=1e-4)


def test_a_device_moves_no_vector_but_its_own():
    world = World(subjects=12)
    replicas = _replicas(world, 1)
    cohort = world.cohort(replicas)
    before = cohort.private.clone()
    cohort.contribute(0, _broadcast(replicas), torch.arange(12) == 4)
    assert (cohort.private != before).any(-1).tolist() == [device == 4 for device in range(12)]


def test_worlds_in_which_nobody_takes_part_send_nothing():
    world = World(subjects=12)
    replicas = _replicas(world, 1, 2)
    alone = world.cohort(_replicas(world, 2)).contribute(0, _broadcast(_replicas(world, 2)), torch.ones(12) > 0)
    for part, loss in ((torch.zeros(24) > 0, 0.0), (torch.arange(24) >= 12, float(alone.loss))):
        cohort = world.cohort(replicas)
        before = cohort.private.clone()
        answer = cohort.contribute(0, _broadcast(replicas), part)
        assert answer.loss.tolist() == pytest.approx([0.0, loss])
        assert torch.equal(cohort.private[~part], before[~part])
        assert answer.items[: world.data.n_items].abs().max() == 0
        assert answer.subject_views[~part].abs().max() == 0


def test_every_device_takes_part_once_in_each_cycle():
    world = World(subjects=200)
    cohort = world.cohort(_replicas(world, 1, 2), replace(SMALL, participation=0.25))
    drawn = torch.stack([cohort._drawn(round_number) for round_number in range(4)])
    assert (drawn.sum(0) == 1).all()


def test_no_message_is_longer_than_the_limit_and_short_ones_stay_whole():
    world = World(subjects=12)
    replicas, n = _replicas(world, 1), 12
    plain = [world.cohort(replicas).contribute(0, _broadcast(replicas), torch.arange(n) == d) for d in range(n)]
    lengths = torch.tensor([_length(message) for message in plain])
    limit = float(lengths.median())
    config = replace(SMALL, clip=limit * 20)  # every device has 20 pairs, and a message is their mean
    for device in range(n):
        cohort = world.cohort(replicas, config)
        clipped = cohort.contribute(0, _broadcast(replicas), torch.arange(n) == device)
        assert _length(clipped) == pytest.approx(min(limit, float(lengths[device])), rel=1e-4)


def test_noise_has_the_size_that_is_asked_for():
    world = World(subjects=12)
    replicas = _replicas(world, 1)
    everyone = torch.ones(12, dtype=torch.bool)
    quiet, loud = (
        world.cohort(replicas, replace(SMALL, clip=1e6, noise=noise)).contribute(0, _broadcast(replicas), everyone)
        for noise in (0.0, 1e-3)
    )
    pairs = len(world.all)
    difference = (loud.items - quiet.items) * pairs / 1e6
    assert float(difference.std()) == pytest.approx(1e-3 * 12**0.5, rel=0.1)
    own = (loud.subject_views - quiet.subject_views) * pairs / 1e6
    assert float(own.std()) == pytest.approx(1e-3, rel=0.3)


def test_the_server_learns_the_same_from_devices_in_another_process():
    """It needs nothing of theirs but the messages: private vectors and interactions exist over there alone."""
    world = World()
    replicas = _replicas(world, 1)
    here = Server(SMALL, replicas)
    cohort = world.cohort(replicas)
    there = Server(SMALL, replicas)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_answer, args=(theirs,), daemon=True)
    process.start()
    try:
        for round_number in range(3):
            here.learn(round_number, cohort)
            there.learn(round_number, _Remote(ours))
    finally:
        ours.send(None)
        process.join(30)
    assert torch.equal(here.items, there.items)
    assert torch.equal(here.subjects, there.subjects)


def test_what_crosses_the_seam_is_gradients_and_no_private_vector():
    world = World()
    replicas = _replicas(world, 1)
    cohort = world.cohort(replicas)
    message = cohort.contribute(0, _broadcast(replicas))
    assert {field.name for field in fields(Contribution)} == {*_GRADIENTS, "loss"}
    for name in _GRADIENTS:
        sent = getattr(message, name)
        assert sent.is_floating_point()
        assert not torch.isin(sent[sent != 0], cohort.private).any()


def _length(message: Contribution) -> float:
    return float(sum((getattr(message, name) ** 2).sum() for name in _GRADIENTS)) ** 0.5


class _Remote:
    """A cohort at the other end of a pipe."""

    def __init__(self, pipe):
        self._pipe = pipe

    def contribute(self, round_number, broadcast, invited=None):
        sent = [tensor.numpy() for tensor in (broadcast.items, broadcast.subject_views, broadcast.item_views)]
        self._pipe.send((round_number, sent))
        return Contribution(*(torch.from_numpy(array) for array in self._pipe.recv()))


def _answer(pipe) -> None:
    torch.set_num_threads(2)
    world = World()
    cohort = world.cohort(_replicas(world, 1))
    while (message := pipe.recv()) is not None:
        round_number, sent = message
        answer = cohort.contribute(round_number, Broadcast(*(torch.from_numpy(array) for array in sent)))
        pipe.send([getattr(answer, name).numpy() for name in (*_GRADIENTS, "loss")])


def test_an_interaction_that_is_only_on_the_device_is_learned_from_all_the_same():
    world = World(shared=0.5)
    replicas = _replicas(world, 1)
    broadcast = _broadcast(replicas)
    everything = world.cohort(replicas).contribute(0, broadcast)
    world.all = Edges(world.data.edges.subjects, world.data.edges.items)
    shared_alone = world.cohort(replicas).contribute(0, broadcast)
    assert not torch.allclose(everything.items, shared_alone.items)
