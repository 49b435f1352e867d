"""Pull and push, as one act of forgetting."""

from dataclasses import replace

import pytest
import torch

from models_engine.evaluation.margins import fold_in_margins, pair_margins
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import Edges
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server, untrained_subjects
from models_engine.fedshare.training import Training
from models_engine.fedshare.unlearning import NOTHING, Contrastive, Falls
from models_engine.fedshare.unlearning.contrastive import gentle, is_small, pull
from models_engine.fedshare.unlearning.features import contrasted
from models_engine.fedshare.unlearning.push import Induced
from tests.models_engine.fedshare.unlearning.tasks import (
    AMPLITUDES,
    FALL,
    WHOLE,
    carrying_on,
    pairs_of,
    task_of,
    three_windows,
    whole_falling,
)
from tests.worlds import SMALL, WorldDevices


def test_contrastive_forgetting_drops_the_erased_rows(world, trained):
    task = task_of(world, trained, erased=[3])
    forgotten = Contrastive().forget(task, lambda f: None).model
    assert world.subject_keys[3] not in forgotten.subject_keys
    assert forgotten.subjects.shape[0] == forgotten.history.shape[1] == world.data.n_subjects - 1


@pytest.mark.parametrize("fate", ["deleted", "unshared"])
def test_a_pair_withdrawn_alone_falls_as_far_as_it_must_and_one_row_alone_moves(world, trained, fate):
    model, _ = trained
    pair = Edges(world.data.edges.subjects[:1], world.data.edges.items[:1])
    task = task_of(world, trained, **{fate: pair})
    forgotten = Contrastive().forget(task, lambda f: None).model
    contrast = contrasted(pair, world.data)
    levels = [float(pair_margins(*m.views(task.after()), pair, contrast)) for m in (model, forgotten)]
    assert levels[0] - levels[1] == pytest.approx(0.1, rel=0.05)
    of_items, of_subjects = ((getattr(forgotten, t) - getattr(model, t)).abs().amax(1) for t in ("items", "subjects"))
    assert (of_items > 0).nonzero().flatten().tolist() == (pair.items.tolist() if fate == "deleted" else [])
    assert (of_subjects > 0).nonzero().flatten().tolist() == (pair.subjects.tolist() if fate == "unshared" else [])


def test_a_large_request_is_pulled_first_and_only_what_it_affects_moves(world, trained):
    model, _ = trained
    task = task_of(world, trained, erased=[3])
    pairs = pairs_of(world, 3)
    assert not is_small(pairs, world.data)
    forgotten = Contrastive().forget(task, lambda f: None).model
    affected = torch.isin(torch.arange(world.data.n_items), pairs.items)
    moved = (forgotten.items - model.items).abs().amax(1)
    assert moved[~affected].max() == 0
    assert moved[affected].min() > 0
    others = torch.arange(world.data.n_subjects) != 3
    assert torch.equal(forgotten.subjects, model.subjects[others])


def test_a_pull_without_a_push_is_learning_on_at_the_gentle_step_size_and_the_pace_of_each(world, trained):
    model, cohort = trained
    pairs = world.data.edges.where(torch.isin(world.data.edges.subjects, torch.tensor([3, 9])))
    stays, pace = torch.arange(world.data.n_subjects) != 1, torch.linspace(1, 3, world.data.n_subjects)
    left = world.data.without(NOTHING, ~stays)
    make_cohort, replicas = carrying_on(world, cohort), Replicas([left], [1])
    rows = pull(model, left, stays, pairs, pace, make_cohort(gentle(SMALL), replicas, None))
    server = Server(gentle(SMALL), replicas, model.subjects[stays], model.items)
    devices = make_cohort(gentle(SMALL), replicas, None)
    affected, paces = torch.tensor([2, 8]), pace[[3, 9], None]  # one row up, since another has gone
    for round_number in range(SMALL.pull_rounds):
        server.settle(SMALL.rounds + round_number, devices, affected, torch.unique(pairs.items), paces)
    assert torch.equal(rows.items, server.items)
    assert torch.equal(rows.subjects[stays], server.subjects)
    assert torch.equal(rows.subjects[1], model.subjects[1])


@pytest.mark.parametrize("also_deletes", [False, True])
def test_the_rows_of_those_who_unshare_go_at_the_calibrated_pace_but_not_of_those_who_delete(
    world, trained, also_deletes
):
    pairs = pairs_of(world, 5)
    deleted, unshared = pairs.where(torch.arange(len(pairs)) < 2), pairs.where(torch.arange(len(pairs)) >= 2)
    task = task_of(world, trained, erased=[3], unshared=unshared, deleted=deleted if also_deletes else NOTHING)
    slow, fast = (
        Contrastive().forget(replace(task, calibration=replace(AMPLITUDES, pace=pace)), lambda f: None).model.subjects
        for pace in (1.0, 3.0)
    )
    mine = torch.arange(len(slow)) == 4  # the row of subject 5, since subject 3 has gone
    assert torch.equal(slow[~mine], fast[~mine])
    assert torch.equal(slow[mine], fast[mine]) == also_deletes


def test_each_part_of_a_small_request_is_pushed_in_its_own_way(world, trained, monkeypatch):
    monkeypatch.setattr("models_engine.fedshare.unlearning.contrastive._SMALL", 1.0)
    model, _ = trained
    rise = whole_falling(-0.05)
    calibration = replace(AMPLITUDES, whole=Falls(delete=WHOLE, unshare=rise))
    one, all_of_them = pairs_of(world, 5), pairs_of(world, 7)
    parts = [
        {"erased": [3]},
        {"deleted": Edges(one.subjects[:1], one.items[:1])},
        {"unshared": all_of_them},
    ]

    def steps(**asked):
        task = replace(task_of(world, trained, **asked), calibration=calibration)
        return Contrastive().forget(task, lambda f: None).model.items - model.items

    singly = [steps(**part) for part in parts]
    assert all(step.abs().max() > 1e-3 for step in singly)
    torch.testing.assert_close(steps(**parts[0] | parts[1]), singly[0] + singly[1], rtol=1e-3, atol=1e-5)
    contrast = contrasted(all_of_them, world.data)
    before, alone, after = (
        float(fold_in_margins(items, all_of_them, contrast).mean())
        for items in (model.items, model.items + singly[2], model.items + steps(**parts[0] | parts[1] | parts[2]))
    )
    # What the others' pushes did to it is made up for.
    assert (alone - before, after - before) == pytest.approx((0.05, 0.05), abs=0.01)


def test_in_a_large_request_each_who_withdraws_everything_falls_as_far_as_it_must(world, trained):
    """By 0.6, of which the pull does some."""
    model, _ = trained
    far = whole_falling(0.6)
    asked = {"erased": [3, 9], "deleted": pairs_of(world, 5), "unshared": pairs_of(world, 7)}
    task = replace(task_of(world, trained, **asked), calibration=replace(AMPLITUDES, whole=Falls(far, far)))
    assert not is_small(task.withdrawn(), world.data)
    forgotten = Contrastive().forget(task, lambda f: None).model
    for subject in (3, 9, 5, 7):
        pairs = pairs_of(world, subject)
        contrast = contrasted(pairs, world.data)
        before, after = (float(fold_in_margins(m.items, pairs, contrast).mean()) for m in (model, forgotten))
        assert before - after == pytest.approx(0.6, abs=0.1)


def test_a_deleted_pair_never_rises_and_an_unshared_one_may(world, trained):
    model, _ = trained
    pair = Edges(world.data.edges.subjects[:1], world.data.edges.items[:1])
    rise = replace(FALL, intercept=-0.1)
    for fate, rises in (("deleted", False), ("unshared", True)):
        task = replace(
            task_of(world, trained, **{fate: pair}), calibration=replace(AMPLITUDES, alone=Falls(rise, rise))
        )
        forgotten = Contrastive().forget(task, lambda f: None).model
        contrast = contrasted(pair, world.data)
        levels = [float(pair_margins(*m.views(task.after()), pair, contrast)) for m in (model, forgotten)]
        assert (levels[1] > levels[0]) == rises


def test_the_only_pair_of_a_subject_is_pushed_as_all_of_its_pairs(world, trained):
    model, _ = trained
    pairs, nobody = pairs_of(world, 5), torch.zeros(world.data.n_subjects, dtype=torch.bool)
    data = world.data.without(Edges(pairs.subjects[1:], pairs.items[1:]), nobody)
    task = replace(
        task_of(world, trained, deleted=Edges(pairs.subjects[:1], pairs.items[:1])),
        course=Course.single([data], [1], SMALL.rounds),
    )
    moved = Contrastive().forget(task, lambda f: None).model.items - model.items
    torch.testing.assert_close(moved, -0.5 * Induced(model, data).items(task.deleted))


def test_where_noise_reaches_every_row_none_is_replaced(world, trained):
    model, cohort = trained
    noisy = replace(model, config=replace(model.config, clip=1.0, noise=0.1))
    task = task_of(world, (noisy, cohort), unshared=pairs_of(world, 35))
    forgotten = Contrastive().forget(task, lambda f: None).model
    untrained = untrained_subjects(noisy.config, task.course, world.subject_keys[35, None])
    assert not torch.allclose(forgotten.subjects[35], untrained[0])


def test_who_shares_nothing_any_more_gets_the_row_of_who_never_shared(world, trained):
    course = three_windows(world)
    task = task_of(world, trained, unshared=pairs_of(world, 35), course=course)
    never = Training(SMALL, course.without(task.unshared, task.erased), WorldDevices(world, SMALL)).run()[0]
    forgotten = Contrastive().forget(task, lambda f: None).model
    torch.testing.assert_close(forgotten.subjects[35], never.subjects[35], rtol=1e-5, atol=1e-7)
    assert not torch.allclose(forgotten.subjects[35], trained[0].subjects[35])


def test_unsharing_moves_the_subjects_own_row_and_leaves_no_old_one_in_the_history(world, trained):
    model, _ = trained
    pairs = pairs_of(world, 5)
    task = task_of(world, trained, unshared=Edges(pairs.subjects[:3], pairs.items[:3]))
    forgotten = Contrastive().forget(task, lambda f: None).model
    others = torch.arange(world.data.n_subjects) != 5
    assert torch.equal(forgotten.subjects[others], model.subjects[others])
    assert torch.equal(forgotten.history[:, others], model.history[:, others])
    assert not torch.allclose(forgotten.subjects[5], model.subjects[5])
    assert all(torch.equal(snapshot, forgotten.subjects[5]) for snapshot in forgotten.history[:, 5])


def test_forgetting_leaves_the_given_model_as_it_was(world, trained):
    model, _ = trained
    before = model.digest()
    Contrastive().forget(task_of(world, trained, erased=[1, 2]), lambda f: None)
    assert model.digest() == before


def test_without_amplitudes_nothing_is_pushed(world, trained):
    task = replace(task_of(world, trained, erased=[3]), calibration=None)
    with pytest.raises(ValueError, match="rehearse"):
        Contrastive().forget(task, lambda f: None)
