"""Exact ways of forgetting, and what none of them takes."""

import pytest
import torch

from models_engine.fedshare.data import Edges
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.places import Folder
from models_engine.fedshare.training import Training
from models_engine.fedshare.unlearning import LADDER, NOTHING, Retrain, RollbackReplay
from tests.models_engine.fedshare.unlearning.tasks import task_of, three_windows
from tests.worlds import SMALL, WorldDevices


def test_retraining_equals_training_that_never_saw_the_data_byte_for_byte(world, trained):
    task = task_of(world, trained, erased=[3, 7])
    remaining = task.after()
    never, _ = world.learn(remaining)
    assert Retrain().forget(task, lambda f: None).model.to_bytes() == never.to_bytes()


def test_the_ladder_ends_with_an_exact_strategy():
    assert LADDER[-1].exact
    assert [strategy.name for strategy in LADDER] == ["contrastive", "retrain"]


@pytest.mark.parametrize(("subject", "replayed"), [(35, 1 / 3), (25, 2 / 3), (3, 1.0)])
def test_rollback_and_replay_equals_training_that_never_saw_the_data_byte_for_byte(
    world, trained, tmp_path, subject, replayed
):
    course = three_windows(world)
    devices = WorldDevices(world, SMALL, StateFiles(Folder(tmp_path / "devices")))
    Training(SMALL, course, devices, StateFiles(Folder(tmp_path / "server"))).run()
    task = task_of(world, trained, erased=[subject], course=course, snapshots=tmp_path)
    done: list[float] = []
    forgotten = RollbackReplay().forget(task, done.append).model
    never = Training(SMALL, course.without(NOTHING, task.erased), WorldDevices(world, SMALL)).run()[0]
    assert forgotten.to_bytes() == never.to_bytes()
    assert len(done) == pytest.approx(replayed * course.rounds)


def test_a_replay_leaves_only_snapshots_that_the_data_never_reached(world, trained, tmp_path):
    course, folder = three_windows(world), StateFiles(Folder(tmp_path / "server"))
    Training(SMALL, course, WorldDevices(world, SMALL, StateFiles(Folder(tmp_path / "devices"))), folder).run()
    before = {name for name in folder.place.names() if name.endswith(".safetensors")}
    RollbackReplay().forget(task_of(world, trained, erased=[3], course=course, snapshots=tmp_path), lambda f: None)
    after = {name for name in folder.place.names() if name.endswith(".safetensors")}
    assert len(after) == 2
    assert not before & after


def test_without_a_clean_snapshot_a_replay_starts_from_the_beginning(world, trained):
    task = task_of(world, trained, erased=[35], course=three_windows(world))
    done: list[float] = []
    RollbackReplay().forget(task, done.append)
    assert len(done) == task.course.rounds


def test_a_forget_set_that_is_not_in_the_data_is_refused(world):
    codes = set(world.data.edges.codes(world.data.n_items).tolist())
    free = next(item for item in range(world.data.n_items) if item not in codes)
    absent = Edges(torch.tensor([0]), torch.tensor([free]))
    with pytest.raises(ValueError, match="not in the data"):
        world.data.without(absent, torch.zeros(world.data.n_subjects, dtype=torch.bool))


def test_forgetting_everybody_is_refused(world, trained):
    with pytest.raises(ValueError, match="nobody shares"):
        task_of(world, trained, erased=range(world.data.n_subjects)).after()
