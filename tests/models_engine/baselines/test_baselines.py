"""Peers' ways to forget: that each does what its source says, on a small world."""

import pytest
import torch

from models_engine.baselines.influence import InfluenceStep
from models_engine.baselines.passive import DropEdges
from models_engine.baselines.tuning import FineTune, GradientAscent
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import rows_of
from models_engine.fedshare.unlearning import NOTHING, Calibration, ForgetTask, Push, Pushes
from tests.worlds import SMALL, World, WorldDevices

_STILL = Pushes(*[Push(0.0, 0.0, 0.0)] * 3)
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
        calibration=Calibration(_STILL, _STILL),
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
