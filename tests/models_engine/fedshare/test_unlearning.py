"""Forgetting on a small world."""

from dataclasses import replace
from functools import partial

import pytest
import torch

from models_engine.evaluation.margins import fold_in_margins, matched_items
from models_engine.fedshare.course import Course, Window
from models_engine.fedshare.data import Edges, rows_of
from models_engine.fedshare.files import StateFolder
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.training import Training
from models_engine.fedshare.unlearning import LADDER, Calibration, Contrastive, ForgetTask, Retrain, RollbackReplay
from models_engine.fedshare.unlearning.contrastive import induced_items, induced_subjects, pull_rounds, pulled
from models_engine.fedshare.unlearning.rehearsal import rehearse
from tests.worlds import SMALL, World, WorldDevices

AMPLITUDES = Calibration(erase=0.5, unshare=0.2, unshare_rows=0.1)
NOTHING = Edges(torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64))


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture(scope="module")
def trained(world):
    return world.learn(world.data)


def _task(world, trained, erased=(), unshared=NOTHING, course=None, snapshots=None):
    model, cohort = trained
    mask = torch.zeros(world.data.n_subjects, dtype=torch.bool)
    mask[list(erased)] = True
    return ForgetTask(
        model=model,
        course=course or Course.single([world.data], [1], SMALL.rounds),
        unshared=unshared,
        erased=mask,
        calibration=AMPLITUDES,
        make_cohort=_carrying_on(world, cohort),
        start_devices=lambda config: WorldDevices(world, config, snapshots and StateFolder(snapshots / "devices")),
        snapshots=snapshots and StateFolder(snapshots / "server"),
    )


def _carrying_on(world, cohort):
    def make_cohort(config, replicas):
        rows = rows_of(replicas.subject_keys, world.subject_keys)
        return world.cohort(replicas, config, cohort.private[rows])

    return make_cohort


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


def test_contrastive_forgetting_moves_only_the_affected_items_and_away_from_the_induced_view(world, trained):
    model, _ = trained
    task = _task(world, trained, erased=[3])
    moved = Contrastive().forget(task, lambda f: None).model.items - model.items
    affected = torch.zeros(world.data.n_items, dtype=torch.bool)
    affected[_pairs_of(world, 3).items] = True
    assert moved[~affected].abs().max() == 0
    assert moved[affected].abs().amax(1).min() > 0
    # The pull brings back a part of the push, in a direction of its own.
    induced = induced_items(model, world.data, _pairs_of(world, 3))[affected].flatten()
    assert torch.cosine_similarity(moved[affected].flatten(), -induced, dim=0) > 0.7


def test_a_pull_moves_the_affected_rows_alone(world, trained):
    model, _ = trained
    replicas, affected = Replicas([world.data], [1]), torch.tensor([3, 4])
    items = pulled(SMALL, replicas, model.subjects, model.items, affected, 3, world.cohort(replicas))
    moved = (items != model.items).any(1).nonzero().squeeze(1)
    assert torch.equal(moved, affected)


def test_a_small_request_gets_few_rounds_of_pull_and_a_large_one_all():
    assert [pull_rounds(SMALL, withdrawn, 10_000) for withdrawn in (1, 25, 50, 5_000)] == [1, 2, 4, 4]


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

    make_cohort = _carrying_on(world, cohort)
    start_devices = partial(WorldDevices, world)
    calibration = rehearse(model, world.data, make_cohort, start_devices, lambda f: None)
    assert calibration.erase > 0
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
    devices = WorldDevices(world, SMALL, StateFolder(tmp_path / "devices"))
    Training(SMALL, course, devices, StateFolder(tmp_path / "server")).run()
    task = _task(world, trained, erased=[subject], course=course, snapshots=tmp_path)
    done: list[float] = []
    forgotten = RollbackReplay().forget(task, done.append).model
    never = Training(SMALL, course.without(NOTHING, task.erased), WorldDevices(world, SMALL)).run()[0]
    assert forgotten.to_bytes() == never.to_bytes()
    assert len(done) == pytest.approx(replayed * course.rounds)


def test_a_replay_leaves_only_snapshots_that_the_data_never_reached(world, trained, tmp_path):
    course, folder = _windows(world), StateFolder(tmp_path / "server")
    Training(SMALL, course, WorldDevices(world, SMALL, StateFolder(tmp_path / "devices")), folder).run()
    before = {path.name for path in folder.folder.glob("*.safetensors")}
    RollbackReplay().forget(_task(world, trained, erased=[3], course=course, snapshots=tmp_path), lambda f: None)
    after = {path.name for path in folder.folder.glob("*.safetensors")}
    assert len(after) == 2
    assert not before & after


def test_without_a_clean_snapshot_a_replay_starts_from_the_beginning(world, trained):
    task = _task(world, trained, erased=[35], course=_windows(world))
    done: list[float] = []
    RollbackReplay().forget(task, done.append)
    assert len(done) == task.course.rounds
