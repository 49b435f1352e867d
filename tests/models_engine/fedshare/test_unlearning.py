"""Forgetting on a small world."""

import json
from dataclasses import asdict, replace

import pytest
import torch

from models_engine.evaluation.margins import fold_in_margins, matched_items, pair_margins
from models_engine.fedshare.course import Course, Window
from models_engine.fedshare.data import Edges, rows_of
from models_engine.fedshare.files import StateFiles
from models_engine.fedshare.places import Folder
from models_engine.fedshare.replicas import Replicas
from models_engine.fedshare.server import Server, untrained_subjects
from models_engine.fedshare.training import Training
from models_engine.fedshare.unlearning import (
    LADDER,
    NOTHING,
    Calibration,
    Contrastive,
    FallRegression,
    Falls,
    ForgetTask,
    Push,
    Pushes,
    Retrain,
    RollbackReplay,
)
from models_engine.fedshare.unlearning.amplitudes import PairAmplitudes, whole_amplitudes
from models_engine.fedshare.unlearning.contrastive import gentle, is_small, pull
from models_engine.fedshare.unlearning.features import contrasted, subject_features
from models_engine.fedshare.unlearning.push import Induced, Rows
from models_engine.fedshare.unlearning.rehearsal import _meeting, _pace, rehearse
from tests.worlds import SMALL, World, WorldDevices

PUSHES = Pushes(leave=Push(0.5, 0.0), delete=Push(0.5, 0.2), unshare=Push(0.2, 0.1))


def _falling(features: int) -> FallRegression:
    """By a tenth of a standard deviation, whatever the features."""
    return FallRegression(0.1, (0.0,) * features, (-1e9,) * features, (1e9,) * features)


FALL, WHOLE = _falling(7), _falling(4)
AMPLITUDES = Calibration(
    small=PUSHES,
    alone=Falls(FALL, FALL),
    whole=Falls(WHOLE, WHOLE),
    large=replace(PUSHES, unshare=Push(0.2, 0.0)),
    pace=2.0,
)


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


@pytest.mark.parametrize("fate", ["deleted", "unshared"])
def test_a_pair_withdrawn_alone_falls_as_far_as_it_must_and_one_row_alone_moves(world, trained, fate):
    model, _ = trained
    pair = Edges(world.data.edges.subjects[:1], world.data.edges.items[:1])
    task = _task(world, trained, **{fate: pair})
    forgotten = Contrastive().forget(task, lambda f: None).model
    contrast = contrasted(pair, world.data)
    levels = [float(pair_margins(*m.views(task.after()), pair, contrast)) for m in (model, forgotten)]
    assert levels[0] - levels[1] == pytest.approx(0.1, rel=0.05)
    of_items, of_subjects = ((getattr(forgotten, t) - getattr(model, t)).abs().amax(1) for t in ("items", "subjects"))
    assert (of_items > 0).nonzero().flatten().tolist() == (pair.items.tolist() if fate == "deleted" else [])
    assert (of_subjects > 0).nonzero().flatten().tolist() == (pair.subjects.tolist() if fate == "unshared" else [])


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


def test_a_pull_without_a_push_is_learning_on_at_the_gentle_step_size_and_the_pace_of_each(world, trained):
    model, cohort = trained
    pairs = world.data.edges.where(torch.isin(world.data.edges.subjects, torch.tensor([3, 9])))
    stays, pace = torch.arange(world.data.n_subjects) != 1, torch.linspace(1, 3, world.data.n_subjects)
    left = world.data.without(NOTHING, ~stays)
    make_cohort, replicas = _carrying_on(world, cohort), Replicas([left], [1])
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
    pairs = _pairs_of(world, 5)
    deleted, unshared = pairs.where(torch.arange(len(pairs)) < 2), pairs.where(torch.arange(len(pairs)) >= 2)
    task = _task(world, trained, erased=[3], unshared=unshared, deleted=deleted if also_deletes else NOTHING)
    slow, fast = (
        Contrastive().forget(replace(task, calibration=replace(AMPLITUDES, pace=pace)), lambda f: None).model.subjects
        for pace in (1.0, 3.0)
    )
    mine = torch.arange(len(slow)) == 4  # the row of subject 5, since subject 3 has gone
    assert torch.equal(slow[~mine], fast[~mine])
    assert torch.equal(slow[mine], fast[mine]) == also_deletes


def test_what_edges_carry_sums_up_as_it_does_edge_by_edge_and_for_who_has_only_one(world, trained):
    model, _ = trained
    lonely = world.data.edges.subjects != 0
    lonely[0] = True
    data = replace(world.data, edges=world.data.edges.where(lonely))
    induced = Induced(model, data)
    one_by_one = torch.zeros_like(model.items).index_add_(0, data.edges.items, induced._carry(data.edges))
    torch.testing.assert_close(induced._carried, one_by_one, rtol=1e-4, atol=1e-4)


def test_the_induced_view_of_a_subject_is_the_item_over_the_fourth_root_of_the_degree(world, trained):
    model, _ = trained
    edge = Edges(world.data.edges.subjects[:1], world.data.edges.items[:1])
    degree = int((world.data.edges.subjects == edge.subjects[0]).sum())
    induced = Induced(model, world.data).subjects(edge)
    torch.testing.assert_close(induced[edge.subjects[0]], model.items[edge.items[0]] / degree**0.25)
    assert (induced.abs().amax(1) > 0).sum() == 1


def test_the_induced_view_of_an_item_is_what_a_subject_carried_to_it_beyond_what_the_others_did(world, trained):
    model, _ = trained
    subject, item = (int(end[0]) for end in (world.data.edges.subjects, world.data.edges.items))
    edge = Edges(torch.tensor([subject]), torch.tensor([item]))
    centred = model.items - model.items.mean(0)

    def carried(subject):
        others = [i for i in _pairs_of(world, subject).items.tolist() if i != item]
        together = sum(centred[i] / centred[i].norm() for i in others)
        row = model.history[:, subject].mean(0)
        direction = 0.75 * together / together.norm() + 0.25 * row / row.norm()
        return direction / direction.norm()

    sharing = world.data.edges.subjects[world.data.edges.items == item].tolist()
    others = [carried(other) for other in sharing if other != subject]
    departs = carried(subject) - sum(others) / len(others)
    induced = Induced(model, world.data).items(edge)
    torch.testing.assert_close(induced[item], departs * centred[item].norm() / len(sharing) ** 0.5)
    assert (induced.abs().amax(1) > 0).sum() == 1
    torch.testing.assert_close(Induced(model, world.data, edge.items).items(edge), induced)


def test_an_amplitude_for_each_pair_is_the_sum_of_pushes_with_one(world, trained):
    model, _ = trained
    pairs = _pairs_of(world, 3)
    amplitudes = torch.linspace(-1, 1, len(pairs))
    rows, induced = Rows(model.subjects, model.items), Induced(model, world.data)
    one_by_one = rows
    for place, amplitude in enumerate(amplitudes.tolist()):
        pair = Edges(pairs.subjects[place, None], pairs.items[place, None])
        one_by_one = one_by_one.pushed(induced, pair, amplitude, 2 * amplitude)
    at_once = rows.pushed(induced, pairs, amplitudes, 2 * amplitudes)
    torch.testing.assert_close(at_once.items, one_by_one.items)
    torch.testing.assert_close(at_once.subjects, one_by_one.subjects)


@pytest.mark.parametrize("on_items", [True, False])
@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
def test_amplitudes_go_from_those_of_a_pair_alone_to_those_of_all(world, trained, part, on_items):
    model, cohort = trained
    pairs = _pairs_of(world, 3)
    count = 1 + int(part * (len(pairs) - 1))
    some = Edges(pairs.subjects[:count], pairs.items[:count])
    part = (count - 1) / (len(pairs) - 1)
    holdings, induced = cohort.holdings(), Induced(model, world.data)

    def amplitudes(withdrawn):
        alone = PairAmplitudes(model, world.data, induced, withdrawn, FALL, on_items, holdings)
        pushed = alone.with_all(items=2.0, rows=3.0)
        return pushed if on_items else pushed[::-1]

    ours, others = amplitudes(some)
    of_all, of_others = (2.0, 3.0) if on_items else (3.0, 2.0)
    torch.testing.assert_close(others, torch.full_like(others, of_others * part))
    if part == 1:
        assert ours.tolist() == [of_all] * count
        return
    looked_at = [Edges(some.subjects[n, None], some.items[n, None]) for n in range(min(count, 4))]
    singly = torch.cat([amplitudes(pair)[0] for pair in looked_at])
    alone = torch.cat([singly, singly.mean().expand(count - len(singly))])
    torch.testing.assert_close(ours, (1 - part) * alone + part * of_all, rtol=1e-3, atol=1e-4)


def test_a_deleted_pair_never_rises_and_an_unshared_one_may(world, trained):
    model, _ = trained
    pair = Edges(world.data.edges.subjects[:1], world.data.edges.items[:1])
    rise = replace(FALL, intercept=-0.1)
    for fate, rises in (("deleted", False), ("unshared", True)):
        task = replace(_task(world, trained, **{fate: pair}), calibration=replace(AMPLITUDES, alone=Falls(rise, rise)))
        forgotten = Contrastive().forget(task, lambda f: None).model
        contrast = contrasted(pair, world.data)
        levels = [float(pair_margins(*m.views(task.after()), pair, contrast)) for m in (model, forgotten)]
        assert (levels[1] > levels[0]) == rises


def test_the_only_pair_of_a_subject_is_pushed_as_all_of_its_pairs(world, trained):
    model, _ = trained
    pairs, nobody = _pairs_of(world, 5), torch.zeros(world.data.n_subjects, dtype=torch.bool)
    data = world.data.without(Edges(pairs.subjects[1:], pairs.items[1:]), nobody)
    task = replace(
        _task(world, trained, deleted=Edges(pairs.subjects[:1], pairs.items[:1])),
        course=Course.single([data], [1], SMALL.rounds),
    )
    moved = Contrastive().forget(task, lambda f: None).model.items - model.items
    torch.testing.assert_close(moved, -0.5 * Induced(model, data).items(task.deleted))


def test_the_last_who_share_an_item_push_it_as_well(world, trained):
    """Nobody stays from whose view theirs could depart."""
    model, _ = trained
    item = int(world.data.edges.items[0])
    holders = world.data.edges.where(world.data.edges.items == item)
    assert len(holders) > 1
    length = (model.items[item] - model.items.mean(0)).norm()
    assert Induced(model, world.data).items(holders)[item].norm() > 0.1 * length


def test_where_noise_reaches_every_row_none_is_replaced(world, trained):
    model, cohort = trained
    noisy = replace(model, config=replace(model.config, clip=1.0, noise=0.1))
    task = _task(world, (noisy, cohort), unshared=_pairs_of(world, 35))
    forgotten = Contrastive().forget(task, lambda f: None).model
    untrained = untrained_subjects(noisy.config, task.course, world.subject_keys[35, None])
    assert not torch.allclose(forgotten.subjects[35], untrained[0])


def test_who_shares_nothing_any_more_gets_the_row_of_who_never_shared(world, trained):
    course = _windows(world)
    task = _task(world, trained, unshared=_pairs_of(world, 35), course=course)
    never = Training(SMALL, course.without(task.unshared, task.erased), WorldDevices(world, SMALL)).run()[0]
    forgotten = Contrastive().forget(task, lambda f: None).model
    torch.testing.assert_close(forgotten.subjects[35], never.subjects[35], rtol=1e-5, atol=1e-7)
    assert not torch.allclose(forgotten.subjects[35], trained[0].subjects[35])


def test_a_subject_who_leaves_is_pushed_until_its_own_margins_have_fallen_as_far_as_they_must(world, trained):
    model, _ = trained
    pairs, induced = _pairs_of(world, 3), Induced(model, world.data)
    amplitudes = whole_amplitudes(model, world.data, induced, pairs, WHOLE, usual=0.5, may_rise=False)
    assert len(set(amplitudes.tolist())) == 1
    contrast = contrasted(pairs, world.data)
    before, after = (
        fold_in_margins(items, pairs, contrast).mean()
        for items in (model.items, model.items - induced.items(pairs, amplitudes))
    )
    assert float(before - after) == pytest.approx(0.1, abs=0.02)


def test_subjects_are_looked_at_each_as_if_no_other_left(world, trained):
    model, _ = trained
    induced, both = Induced(model, world.data), world.data.edges.where(world.data.edges.subjects < 2)
    mixed = torch.randperm(len(both), generator=torch.Generator().manual_seed(5))
    both = Edges(both.subjects[mixed], both.items[mixed])
    together = subject_features(model, world.data, induced, both, contrasted(both, world.data))
    singly = [
        subject_features(model, world.data, induced, pairs, contrasted(pairs, world.data))
        for pairs in (_pairs_of(world, 0), _pairs_of(world, 1))
    ]
    steps = torch.tensor([0.3, 0.6])
    for mine, one in enumerate(singly):
        torch.testing.assert_close(together.values[mine], one.values[0])
        torch.testing.assert_close(together.level_after(steps)[mine], one.level_after(steps[mine, None])[0])
    rising = replace(WHOLE, weights=(0.1, 0.0, 0.0, 0.0))
    amplitudes = whole_amplitudes(model, world.data, induced, both, rising, usual=0.5, may_rise=False)
    for subject in (0, 1):
        alone = whole_amplitudes(model, world.data, induced, _pairs_of(world, subject), rising, 0.5, may_rise=False)
        mine = amplitudes[both.subjects == subject]
        torch.testing.assert_close(mine, alone[0].expand_as(mine))
    assert len(amplitudes.unique()) == 2


def test_each_part_of_a_small_request_is_pushed_in_its_own_way(world, trained, monkeypatch):
    monkeypatch.setattr("models_engine.fedshare.unlearning.contrastive._SMALL", 1.0)
    model, _ = trained
    rise = replace(WHOLE, intercept=-0.05)
    calibration = replace(AMPLITUDES, whole=Falls(delete=WHOLE, unshare=rise))
    one = _pairs_of(world, 5)
    parts = [
        {"erased": [3]},
        {"deleted": Edges(one.subjects[:1], one.items[:1])},
        {"unshared": _pairs_of(world, 7)},
    ]

    def steps(**asked):
        task = replace(_task(world, trained, **asked), calibration=calibration)
        return Contrastive().forget(task, lambda f: None).model.items - model.items

    singly = [steps(**part) for part in parts]
    assert all(step.abs().max() > 1e-3 for step in singly)
    torch.testing.assert_close(steps(**parts[0] | parts[1] | parts[2]), sum(singly), rtol=1e-3, atol=1e-5)
    contrast = contrasted(_pairs_of(world, 7), world.data)
    before, after = (
        fold_in_margins(items, _pairs_of(world, 7), contrast).mean() for items in (model.items, model.items + singly[2])
    )
    assert after > before


def test_who_keeps_something_or_shared_one_pair_alone_gets_the_usual_amplitude(world, trained):
    model, _ = trained
    pairs, nobody = _pairs_of(world, 3), torch.zeros(world.data.n_subjects, dtype=torch.bool)
    some = Edges(pairs.subjects[:2], pairs.items[:2])
    lonely = world.data.without(Edges(pairs.subjects[1:], pairs.items[1:]), nobody)
    for data, asked in ((world.data, some), (lonely, Edges(pairs.subjects[:1], pairs.items[:1]))):
        amplitudes = whole_amplitudes(model, data, Induced(model, data), asked, WHOLE, usual=0.5, may_rise=False)
        assert amplitudes.tolist() == [0.5] * len(asked)


def test_unsharing_moves_the_subjects_own_row_and_leaves_no_old_one_in_the_history(world, trained):
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
    assert 0.1 < calibration.large.leave.items < 2
    assert 0.1 < calibration.small.leave.items < 2
    assert calibration.small.unshare.items < calibration.small.leave.items
    assert Calibration.from_json(json.loads(json.dumps(asdict(calibration)))) == calibration
    pairs = world.data.edges.where(world.data.edges.subjects < 8)
    contrast = matched_items(pairs, world.data.edges, world.data.item_popularity(), 60)
    task = replace(_task(world, trained, erased=range(8)), calibration=calibration)
    forgotten = Contrastive().forget(task, lambda f: None).model.items
    assert fold_in_margins(forgotten, pairs, contrast).mean() < fold_in_margins(model.items, pairs, contrast).mean()


def test_without_amplitudes_nothing_is_pushed(world, trained):
    task = replace(_task(world, trained, erased=[3]), calibration=None)
    with pytest.raises(ValueError, match="rehearse"):
        Contrastive().forget(task, lambda f: None)


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
    ("levels", "target", "pace"),
    [
        ([1.0, 0.7, 0.4], 0.85, 1.75),
        ([1.0, 0.7, 0.4], 0.4, 4.0),
        ([1.0, 0.7, 0.4], 1.2, 1.0),
        ([1.0, 0.9, 0.95], 0.5, 2.5),
        ([1.0, 1.1, 1.2], 0.5, 1.0),
    ],
)
def test_the_pace_is_where_the_level_meets_the_target_or_comes_nearest(levels, target, pace):
    assert _pace(levels, target) == pytest.approx(pace)


@pytest.mark.parametrize(
    ("target", "goes_on", "amplitude"), [(0.4, False, 0.6), (0.4, True, 0.6), (1.5, True, -0.5), (1.5, False, 0.0)]
)
def test_a_push_goes_back_only_where_devices_go_on_learning(target, goes_on, amplitude):
    """A level of 1 - a: the amplitude is known."""
    assert _meeting(lambda a: 1 - a, target, goes_on) == pytest.approx(amplitude)
