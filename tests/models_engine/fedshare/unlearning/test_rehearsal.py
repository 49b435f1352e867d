"""The rehearsal, on a small world."""

import json
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest
import torch

from models_engine.evaluation.margins import fold_in_margins, matched_items
from models_engine.fedshare.unlearning import Calibration, Contrastive
from models_engine.fedshare.unlearning.features import contrasted, subject_features
from models_engine.fedshare.unlearning.push import Induced
from models_engine.fedshare.unlearning.rehearsal import _LEAVE, _cast, _fall_of_subjects, _meeting, _pace, rehearse
from tests.models_engine.fedshare.unlearning.tasks import carrying_on, task_of, twins


def _pairs(data):
    """A number for each, by keys: rows differ where somebody else left."""
    return data.subject_keys[data.edges.subjects] * 31 + data.item_keys[data.edges.items]


def test_a_rehearsed_push_lowers_the_level_of_subjects_that_did_not_rehearse(world, trained):
    model, cohort = trained
    rehearsed = torch.zeros(world.data.n_subjects, dtype=torch.bool)

    def train(wanted, progress):
        for twin in wanted:
            kept = torch.isin(_pairs(world.data), _pairs(twin.data))
            rehearsed[world.data.edges.subjects[~kept]] = True
        return twins(world)(wanted, progress)

    calibration = rehearse(model, world.data, carrying_on(world, cohort), train, lambda f: None)
    assert 0.1 < calibration.large.delete.items < 2
    assert 0.1 < calibration.small.delete.items < 2
    assert calibration.small.unshare.items < calibration.small.delete.items
    assert Calibration.from_json(json.loads(json.dumps(asdict(calibration)))) == calibration
    others = (~rehearsed).nonzero().flatten()[:8]
    assert len(others) == 8
    pairs = world.data.edges.where(torch.isin(world.data.edges.subjects, others))
    contrast = matched_items(pairs, world.data.edges, world.data.item_popularity(), 60)
    task = replace(task_of(world, trained, erased=others.tolist()), calibration=calibration)
    forgotten = Contrastive().forget(task, lambda f: None).model.items
    assert fold_in_margins(forgotten, pairs, contrast).mean() < fold_in_margins(model.items, pairs, contrast).mean()


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


def test_falls_of_subjects_are_learned_on_average_and_pair_by_pair(world, trained):
    """On falls that are linear in what is seen."""
    model, _ = trained
    casts = []
    for first in (0, 15):
        pairs = world.data.edges.where((world.data.edges.subjects >= first) & (world.data.edges.subjects < first + 15))
        induced, contrast = Induced(model, world.data), contrasted(pairs, world.data)
        seen = subject_features(model, world.data, induced, pairs, contrast)
        falls = (0.3 + 0.5 * seen.of_subjects[:, 0])[seen.subject] + 0.25 * seen.values[:, 0]
        scene = SimpleNamespace(goes_on=False, what_whole_subjects_show=lambda shown=(seen, falls): shown)
        casts.append((scene, seen, falls))
    usual, fall = _fall_of_subjects([scene for scene, *_ in casts])
    assert usual > 0
    for _, seen, falls in casts:
        told = fall(seen, may_rise=False)
        missed = (told - falls).square().mean() / (falls - falls.mean()).square().mean()
        assert float(missed) < 0.05
        assert float((seen.mean(told) - seen.mean(falls)).abs().max()) < 0.2


def test_no_subject_leaves_in_two_casts():
    actors = torch.arange(100, 400)
    casts = [set(_cast(part, actors, pairs=9000).tolist()) for part in _LEAVE]
    assert [len(cast) for cast in casts] == [30] * len(casts)
    assert len(set.union(*casts)) == 30 * len(casts)
