"""Peers' ways to forget: that each does what its source says, on a small world."""

from dataclasses import replace

import pytest
import torch

from models_engine.baselines.influence import InfluenceStep
from models_engine.baselines.passive import DropEdges
from models_engine.baselines.replay import CalibratedReplay, bytes_of_updates, cycle_of, record
from models_engine.baselines.shards import cut, shard_of
from models_engine.baselines.tuning import FineTune, GradientAscent
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import rows_of
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server
from models_engine.fedshare.unlearning import NOTHING, ForgetTask
from tests.worlds import SMALL, World, WorldDevices

BASELINES = (DropEdges(), FineTune(), GradientAscent(), InfluenceStep())


@pytest.fixture(scope="module")
def task():
    world = World()
    model, cohort = world.learn(world.data)

    def make_cohort(config, replicas, deleted):
        private = cohort.private[rows_of(replicas.subject_keys, world.subject_keys)]
        return world.cohort(replicas, config, private, deleted=deleted)

    return ForgetTask(
        model=model,
        course=Course.single([world.data], [1], SMALL.rounds),
        unshared=NOTHING,
        deleted=NOTHING,
        erased=torch.arange(world.data.n_subjects) == 3,
        calibration=None,
        make_cohort=make_cohort,
        start_devices=lambda config, deleted: WorldDevices(world, config, deleted=deleted),
    )


def _scores(task, model):
    """Inner products of the erased subject's old row with its items."""
    pairs = task.withdrawn()
    return (task.model.subjects[pairs.subjects] * model.items[pairs.items]).sum(1)


@pytest.mark.parametrize("baseline", BASELINES, ids=lambda baseline: baseline.name)
def test_every_baseline_drops_the_erased_row_and_leaves_the_given_model(task, baseline):
    before = task.model.digest()
    done: list[float] = []
    forgotten = baseline.forget(task, done.append).model
    assert task.model.subject_keys[3] not in forgotten.subject_keys
    assert torch.isfinite(forgotten.items).all()
    assert task.model.digest() == before
    assert done[-1] == 1.0


def test_dropping_edges_moves_nothing_else(task):
    forgotten = DropEdges().forget(task, lambda fraction: None).model
    assert torch.equal(forgotten.items, task.model.items)


@pytest.mark.parametrize("baseline", [GradientAscent(), InfluenceStep()], ids=lambda baseline: baseline.name)
def test_what_steps_away_from_the_data_lowers_its_scores(task, baseline):
    forgotten = baseline.forget(task, lambda fraction: None).model
    assert _scores(task, forgotten).mean() < _scores(task, task.model).mean()


def test_the_influence_step_moves_the_affected_items_alone(task):
    moved = (InfluenceStep().forget(task, lambda fraction: None).model.items != task.model.items).any(1)
    assert torch.equal(moved.nonzero().squeeze(1), torch.unique(task.withdrawn().items))


@pytest.fixture(scope="module")
def stored(task):
    return record(SMALL, task.course, task.start_devices(SMALL, None))


def test_stored_updates_are_as_long_as_what_the_training_went(task, stored):
    """Nobody's row ends farther from its start than all its steps together."""
    config, replicas = SMALL, task.course.windows[0].replicas
    start = Server(config, replicas)
    assert stored.items.shape == (config.rounds // cycle_of(config), task.before.n_items)
    assert ((task.model.items - start.items).norm(dim=1) <= stored.items.sum(0) + 1e-4).all()
    assert ((task.model.subjects - start.subjects).norm(dim=1) <= stored.subjects.sum(0) + 1e-4).all()


def test_the_replay_walks_as_far_as_was_stored_and_never_with_who_left(task, stored):
    forgotten = CalibratedReplay({task.model.seed: stored}).forget(task, lambda fraction: None).model
    assert task.model.subject_keys[3] not in forgotten.subject_keys
    start = Server(SMALL, Replicas([task.after()], [task.model.seed]))
    went = (forgotten.items - start.items).norm(dim=1)
    assert (went > 0).all()
    assert (went <= stored.items.sum(0) + 1e-4).all()
    # Steps in a new direction can't be the old ones.
    assert not torch.allclose(forgotten.items, task.model.items)


def test_bytes_of_updates_by_hand():
    config = replace(SMALL, rounds=10, participation=0.5, width=4)
    # Five cycles; of three devices 2 · 7 rows for pairs and negatives and 3 views, of 4 floats of 4 bytes.
    assert bytes_of_updates(config, pairs=7, subjects=3) == 5 * (14 + 3) * 16


def test_shards_share_the_subjects_out_and_lose_no_edge(task):
    data = task.before
    owners = shard_of(data, 3, seed=1)
    shards = cut(data, owners, range(3))
    keys = torch.cat([shard.subject_keys for shard in shards])
    assert sorted(keys.tolist()) == sorted(data.subject_keys.tolist())
    assert sum(len(shard.edges) for shard in shards) == len(data.edges)
    assert not torch.equal(owners, shard_of(data, 3, seed=2))


def test_a_shard_is_not_touched_by_what_another_forgets(task):
    owners = shard_of(task.before, 3, seed=1)
    others = [shard for shard in range(3) if shard != owners[3]]
    before, after = cut(task.before, owners, others), cut(task.after(), owners[~task.erased], others)
    for one, same in zip(before, after, strict=True):
        assert torch.equal(one.subject_keys, same.subject_keys)
        assert torch.equal(one.edges.codes(one.n_items), same.edges.codes(one.n_items))
