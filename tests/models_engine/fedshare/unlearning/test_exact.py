"""Exact ways of forgetting, and what none of them takes."""

import pytest
import torch

from models_engine.fedshare.course import Course, Window
from models_engine.fedshare.data import Edges, SharedData
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.places import Folder
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Training
from models_engine.fedshare.unlearning import LADDER, Retrain, RollbackReplay
from tests.models_engine.fedshare.unlearning.tasks import pairs_of, task_of, three_windows
from tests.worlds import SMALL, WorldDevices

FATES = ["erased", "unshared", "deleted"]


def _asked(world, subject, fate):
    """Everything of a subject who leaves, or three pairs of one who stays."""
    own = pairs_of(world, subject)
    return {fate: [subject] if fate == "erased" else own.where(torch.arange(len(own)) < 3)}


def _never_had(data, asked):
    """The data without what is asked for, pair by pair and by hand."""
    (fate, what), *_ = asked.items()
    leaves = set(what) if fate == "erased" else set()
    gone = set() if leaves else set(zip(what.subjects.tolist(), what.items.tolist(), strict=True))
    stays = [row for row in range(data.n_subjects) if row not in leaves]
    pairs = zip(data.edges.subjects.tolist(), data.edges.items.tolist(), strict=True)
    kept = [(stays.index(row), item) for row, item in pairs if row not in leaves and (row, item) not in gone]
    assert 0 < len(kept) <= len(data.edges)
    subjects, items = (torch.tensor(ends) for ends in zip(*kept, strict=True))
    return SharedData(data.subject_keys[stays], data.item_keys, Edges(subjects, items))


def _deleted(asked):
    return [asked["deleted"]] if "deleted" in asked else None


@pytest.mark.parametrize("fate", FATES)
def test_retraining_equals_training_that_never_saw_the_data_byte_for_byte(world, trained, fate):
    asked = _asked(world, 3, fate)
    course = Course.single([_never_had(world.data, asked)], [1], SMALL.rounds)
    never = Training(SMALL, course, WorldDevices(world, SMALL, deleted=_deleted(asked))).run()[0]
    forgotten = Retrain().forget(task_of(world, trained, **asked), lambda f: None).model
    assert forgotten.to_bytes() == never.to_bytes()
    assert forgotten.to_bytes() != trained[0].to_bytes()


def test_the_ladder_ends_with_an_exact_strategy():
    assert LADDER[-1].exact
    assert [strategy.name for strategy in LADDER] == ["contrastive", "retrain"]


@pytest.mark.parametrize(
    ("subject", "fate", "replayed"),
    [
        (35, "erased", 1 / 3),
        (25, "erased", 2 / 3),
        (3, "erased", 1.0),
        (35, "unshared", 1 / 3),
        (35, "deleted", 1.0),
    ],
)
def test_rollback_and_replay_equals_training_that_never_saw_the_data_byte_for_byte(
    world, trained, tmp_path, subject, fate, replayed
):
    course = three_windows(world)
    devices = WorldDevices(world, SMALL, StateFiles(Folder(tmp_path / "devices")))
    Training(SMALL, course, devices, StateFiles(Folder(tmp_path / "server"))).run()
    asked = _asked(world, subject, fate)
    task = task_of(world, trained, **asked, course=course, snapshots=tmp_path)
    done: list[float] = []
    forgotten = RollbackReplay().forget(task, done.append).model
    # Subjects come in by row: what a window doesn't have yet, none of its pairs can be.
    windows = [Window(Replicas([_never_had(w.replicas.worlds[0], asked)], [1]), w.rounds) for w in course.windows]
    never = Training(SMALL, Course(windows), WorldDevices(world, SMALL, deleted=_deleted(asked))).run()[0]
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
