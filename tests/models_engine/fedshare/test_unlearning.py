"""Forgetting on a small world."""

from dataclasses import asdict, replace

import pytest
import torch

from models_engine.evaluation.margins import fold_in_margins, matched_items
from models_engine.fedshare.course import Course, Window
from models_engine.fedshare.data import Edges, rows_of
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.places import Folder
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server
from models_engine.fedshare.training import Training
from models_engine.fedshare.unlearning import (
    LADDER,
    NOTHING,
    Calibration,
    Contrastive,
    ForgetTask,
    Push,
    Pushes,
    Retrain,
    RollbackReplay,
)
from models_engine.fedshare.unlearning.contrastive import Rows, gentle, induced_items, induced_subjects, is_small, pull
from models_engine.fedshare.unlearning.rehearsal import _meeting, rehearse
from tests.worlds import SMALL, World, WorldDevices

PUSHES = Pushes(leave=Push(0.5, 0.0, 0.0), delete=Push(0.5, 0.2, 0.3), unshare=Push(0.2, 0.1, 0.05))
AMPLITUDES = Calibration(small=PUSHES, large=PUSHES)


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture(scope="module")
def trained(world):
    return world.learn(world.data)


def _task(world, trained, erased=(), unshared=NOTHING, deleted=NOTHING, course=None, snapshots=None):
    model, cohort = trained
    mask = torch.zeros(world.data.n_subjects, dtype=torch.bool)
    mask[list(erased)] = True
    return ForgetTask(
        model=model,
        course=course or Course.single([world.data], [1], SMALL.rounds),
        unshared=unshared,
        deleted=deleted,
        erased=mask,
        calibration=AMPLITUDES,
        make_cohort=_carrying_on(world, cohort),
        start_devices=_at_the_start(world, snapshots and StateFiles(Folder(snapshots / "devices"))),
        snapshots=snapshots and StateFiles(Folder(snapshots / "server")),
    )


def _carrying_on(world, cohort):
    def make_cohort(config, replicas, deleted):
        rows = rows_of(replicas.subject_keys, world.subject_keys)
        return world.cohort(replicas, config, cohort.private[rows], deleted=deleted)

    return make_cohort


def _at_the_start(world, memory=None):
    return lambda config, deleted: WorldDevices(world, config, memory, deleted)


def _twins(world):
    def train(twins, progress):
        course = Course.single([twin.data for twin in twins], [1] * len(twins), SMALL.rounds)
        return Training(SMALL, course, WorldDevices(world, SMALL, deleted=[t.deleted for t in twins])).run(progress)

    return train


def _pairs_of(world, subject):
    return world.data.edges.where(world.data.edges.subjects == subject)


def test_retraining_equals_training_that_never_saw_the_data_byte_for_byte(world, trained):
    task = _task(world, trained, erased=[3, 7])
    remaining = task.after()
    never, _ = world.learn(remaining)
    assert Retrain().forget(task, lambda f: None).model.to_bytes() == never.to_bytes()


def test_contrastive_forgetting_drops_the_erased_rows(world, trained):
    task = _task(world, trained, erased=[3])
    forgotten = Contrastive().forget(task, lambda f: None).model
    assert world.subject_keys[3] not in forgotten.subject_keys
    assert forgotten.subjects.shape[0] == forgotten.history.shape[1] == world.data.n_subjects - 1


def test_a_small_request_moves_the_affected_items_alone_and_against_the_induced_view(world, trained):
    model, _ = trained
    pair = Edges(world.data.edges.subjects[:1], world.data.edges.items[:1])
    moved = Contrastive().forget(_task(world, trained, deleted=pair), lambda f: None).model.items - model.items
    affected = torch.arange(world.data.n_items) == pair.items[0]
    assert moved[~affected].abs().max() == 0
    torch.testing.assert_close(moved[affected], -0.5 * induced_items(model, world.data, pair)[affected])


def test_a_large_request_is_pulled_first_and_only_what_it_affects_moves(world, trained):
    model, _ = trained
    task = _task(world, trained, erased=[3])
    pairs = _pairs_of(world, 3)
    assert not is_small(pairs, world.data)
    forgotten = Contrastive().forget(task, lambda f: None).model
    affected = torch.isin(torch.arange(world.data.n_items), pairs.items)
    moved = (forgotten.items - model.items).abs().amax(1)
    assert moved[~affected].max() == 0
    assert moved[affected].min() > 0
    others = torch.arange(world.data.n_subjects) != 3
    assert torch.equal(forgotten.subjects, model.subjects[others])


def test_a_pull_without_a_push_is_learning_on_at_the_gentle_step_size(world, trained):
    model, cohort = trained
    pairs, everybody = _pairs_of(world, 3), torch.ones(world.data.n_subjects, dtype=torch.bool)
    make_cohort = _carrying_on(world, cohort)
    replicas = Replicas([world.data], [1])
    rows = pull(model, world.data, everybody, pairs, make_cohort(gentle(SMALL), replicas, None))
    server = Server(gentle(SMALL), replicas, model.subjects, model.items)
    devices = make_cohort(gentle(SMALL), replicas, None)
    for round_number in range(SMALL.pull_rounds):
        server.settle(SMALL.rounds + round_number, devices, torch.tensor([3]), torch.unique(pairs.items))
    assert torch.equal(rows.items, server.items)
    assert torch.equal(rows.subjects, server.subjects)


def test_the_induced_view_of_one_edge_is_the_other_ends_row_over_the_root_of_the_degree(world, trained):
    model, _ = trained
    edge = Edges(world.data.edges.subjects[:1], world.data.edges.items[:1])
    item_degree = int(world.data.item_popularity()[edge.items[0]])
    subject_degree = int((world.data.edges.subjects == edge.subjects[0]).sum())
    torch.testing.assert_close(
        induced_items(model, world.data, edge)[edge.items[0]],
        model.history[:, edge.subjects[0]].mean(0) / item_degree**0.5,
    )
    torch.testing.assert_close(
        induced_subjects(model, world.data, edge)[edge.subjects[0]],
        model.items[edge.items[0]] / subject_degree**0.5,
    )


@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
def test_the_push_on_a_row_goes_from_that_of_one_pair_to_that_of_all(world, trained, part):
    model, _ = trained
    pairs, push = _pairs_of(world, 3), Push(items=0.0, rows=0.1, rows_one=0.3)
    count = 1 + int(part * (len(pairs) - 1))
    some = Edges(pairs.subjects[:count], pairs.items[:count])
    amplitude = 0.3 - 0.2 * (count - 1) / (len(pairs) - 1)
    rows = Rows(torch.zeros_like(model.subjects), model.items)
    moved = rows.pushed(model, world.data, some, push).subjects[3]
    torch.testing.assert_close(moved, -amplitude * induced_subjects(model, world.data, some)[3])


def test_unsharing_pushes_the_subjects_own_row_and_leaves_no_old_one_in_the_history(world, trained):
    model, _ = trained
    pairs = _pairs_of(world, 5)
    task = _task(world, trained, unshared=Edges(pairs.subjects[:3], pairs.items[:3]))
    forgotten = Contrastive().forget(task, lambda f: None).model
    others = torch.arange(world.data.n_subjects) != 5
    assert torch.equal(forgotten.subjects[others], model.subjects[others])
    assert torch.equal(forgotten.history[:, others], model.history[:, others])
    assert not torch.allclose(forgotten.subjects[5], model.subjects[5])
    assert all(torch.equal(snapshot, forgotten.subjects[5]) for snapshot in forgotten.history[:, 5])


def test_forgetting_leaves_the_given_model_as_it_was(world, trained):
    model, _ = trained
    before = model.digest()
    Contrastive().forget(_task(world, trained, erased=[1, 2]), lambda f: None)
    assert model.digest() == before


def test_a_forget_set_that_is_not_in_the_data_is_refused(world):
    absent = Edges(torch.tensor([0]), world.all.items[:1])
    codes = set(world.data.edges.codes(world.data.n_items).tolist())
    free = next(item for item in range(world.data.n_items) if item not in codes)
    absent = Edges(torch.tensor([0]), torch.tensor([free]))
    with pytest.raises(ValueError, match="not in the data"):
        world.data.without(absent, torch.zeros(world.data.n_subjects, dtype=torch.bool))


def test_forgetting_everybody_is_refused(world, trained):
    with pytest.raises(ValueError, match="nobody shares"):
        _task(world, trained, erased=range(world.data.n_subjects)).after()


def test_a_rehearsed_push_lowers_the_level_of_subjects_that_did_not_rehearse(world, trained):
    model, cohort = trained

    calibration = rehearse(model, world.data, _carrying_on(world, cohort), _twins(world), lambda f: None)
    assert calibration.large.leave.items > 0
    assert Calibration.from_json(asdict(calibration)) == calibration
    pairs = world.data.edges.where(world.data.edges.subjects < 8)
    contrast = matched_items(pairs, world.data.edges, world.data.item_popularity(), 60)
    task = replace(_task(world, trained, erased=range(8)), calibration=calibration)
    forgotten = Contrastive().forget(task, lambda f: None).model.items
    assert fold_in_margins(forgotten, pairs, contrast).mean() < fold_in_margins(model.items, pairs, contrast).mean()


def test_the_ladder_ends_with_an_exact_strategy():
    assert LADDER[-1].exact
    assert [strategy.name for strategy in LADDER] == ["contrastive", "retrain"]


def _windows(world):
    """Subjects come in over three windows."""
    windows = []
    for count in (20, 30, world.data.n_subjects):
        later = torch.arange(world.data.n_subjects) >= count
        data = world.data.without(world.data.edges.where(later[world.data.edges.subjects]), later)
        windows.append(Window(Replicas([data], [1]), 14))
    return Course(windows)


@pytest.mark.parametrize(("subject", "replayed"), [(35, 1 / 3), (25, 2 / 3), (3, 1.0)])
def test_rollback_and_replay_equals_training_that_never_saw_the_data_byte_for_byte(
    world, trained, tmp_path, subject, replayed
):
    course = _windows(world)
    devices = WorldDevices(world, SMALL, StateFiles(Folder(tmp_path / "devices")))
    Training(SMALL, course, devices, StateFiles(Folder(tmp_path / "server"))).run()
    task = _task(world, trained, erased=[subject], course=course, snapshots=tmp_path)
    done: list[float] = []
    forgotten = RollbackReplay().forget(task, done.append).model
    never = Training(SMALL, course.without(NOTHING, task.erased), WorldDevices(world, SMALL)).run()[0]
    assert forgotten.to_bytes() == never.to_bytes()
    assert len(done) == pytest.approx(replayed * course.rounds)


def test_a_replay_leaves_only_snapshots_that_the_data_never_reached(world, trained, tmp_path):
    course, folder = _windows(world), StateFiles(Folder(tmp_path / "server"))
    Training(SMALL, course, WorldDevices(world, SMALL, StateFiles(Folder(tmp_path / "devices"))), folder).run()
    before = {name for name in folder.place.names() if name.endswith(".safetensors")}
    RollbackReplay().forget(_task(world, trained, erased=[3], course=course, snapshots=tmp_path), lambda f: None)
    after = {name for name in folder.place.names() if name.endswith(".safetensors")}
    assert len(after) == 2
    assert not before & after


def test_without_a_clean_snapshot_a_replay_starts_from_the_beginning(world, trained):
    task = _task(world, trained, erased=[35], course=_windows(world))
    done: list[float] = []
    RollbackReplay().forget(task, done.append)
    assert len(done) == task.course.rounds


@pytest.mark.parametrize(
    ("target", "goes_on", "amplitude"), [(0.4, False, 0.6), (0.4, True, 0.6), (1.5, True, -0.5), (1.5, False, 0.0)]
)
def test_a_push_goes_back_only_where_devices_go_on_learning(target, goes_on, amplitude):
    """A level of 1 - a: the amplitude is known."""
    assert _meeting(lambda a: 1 - a, target, goes_on) == pytest.approx(amplitude)
