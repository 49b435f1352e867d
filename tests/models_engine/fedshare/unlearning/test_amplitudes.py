"""Amplitudes that are looked for pair by pair and subject by subject."""

import pytest
import torch

from models_engine.evaluation.margins import fold_in_margins
from models_engine.fedshare.data import Edges
from models_engine.fedshare.unlearning import SubjectFall
from models_engine.fedshare.unlearning.amplitudes import PairAmplitudes, whole_amplitudes
from models_engine.fedshare.unlearning.features import contrasted, subject_features
from models_engine.fedshare.unlearning.push import Induced, Rows
from tests.models_engine.fedshare.unlearning.tasks import FALL, WHOLE, falling, pairs_of, whole_falling


def _rows(model):
    return Rows(model.subjects, model.items)


def _levels(items, pairs, contrast):
    """The mean margin of each subject's pairs."""
    margins = fold_in_margins(items, pairs, contrast)
    return torch.stack([margins[pairs.subjects == subject].mean() for subject in pairs.subjects.unique()])


def _some(world, subjects):
    """The pairs of the first subjects, in no order."""
    pairs = world.data.edges.where(world.data.edges.subjects < subjects)
    mixed = torch.randperm(len(pairs), generator=torch.Generator().manual_seed(5))
    return Edges(pairs.subjects[mixed], pairs.items[mixed])


@pytest.mark.parametrize("on_items", [True, False])
@pytest.mark.parametrize("part", [0.0, 0.5, 1.0])
def test_amplitudes_go_from_those_of_a_pair_alone_to_those_of_all(world, trained, part, on_items):
    model, cohort = trained
    pairs = pairs_of(world, 3)
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


def test_a_subject_who_leaves_is_pushed_until_its_own_margins_have_fallen_as_far_as_they_must(world, trained):
    model, _ = trained
    pairs, induced = pairs_of(world, 3), Induced(model, world.data)
    amplitudes = whole_amplitudes(
        model, world.data, induced, _rows(model), pairs, WHOLE, usual=0.5, may_rise=False, each=True
    )
    contrast = contrasted(pairs, world.data)
    before, after = (
        fold_in_margins(items, pairs, contrast)
        for items in (model.items, model.items - induced.items(pairs, amplitudes))
    )
    assert float((before - after).mean()) == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize("mean", [0.5, 0.0])
def test_each_pair_of_who_withdraws_everything_falls_as_far_as_it_must_itself(world, trained, mean):
    """By so much on average, and by three tenths of what its margin stands out by; some of it is done already."""
    model, _ = trained
    pairs, induced = _some(world, 3), Induced(model, world.data)
    contrast = contrasted(pairs, world.data)
    before = fold_in_margins(model.items, pairs, contrast)
    seen = subject_features(model, world.data, induced, pairs, contrast)
    wanted = mean + 0.3 * (before - seen.mean(before)[seen.subject])
    fall = SubjectFall(mean=falling(4, mean), departures=falling(4, 0.0, 0.3))
    rows = Rows(model.subjects, model.items - 0.05 * induced.items(pairs))
    apart = whole_amplitudes(model, world.data, induced, rows, pairs, fall, usual=0.5, may_rise=True, each=True)
    even = seen.mean(apart)[seen.subject]
    missed = [
        before - fold_in_margins(rows.items - induced.items(pairs, each), pairs, contrast) - wanted
        for each in (apart, even)
    ]
    assert missed[0].std() < 0.5 * missed[1].std()
    assert float(missed[0].mean()) == pytest.approx(0.0, abs=0.05)


def test_departures_leave_the_mean_of_a_subject_as_it_is(world, trained):
    model, _ = trained
    pairs = _some(world, 5)
    seen = subject_features(model, world.data, Induced(model, world.data), pairs, contrasted(pairs, world.data))
    fall = SubjectFall(mean=falling(4, 0.2, 0.1), departures=falling(4, 7.0, 0.3))
    torch.testing.assert_close(seen.mean(fall(seen, may_rise=True)), fall.mean(seen.of_subjects))
    for subject in range(5):
        mine = pairs.subjects == subject
        level, falls = seen.level[mine], fall(seen, may_rise=True)[mine]
        torch.testing.assert_close(falls - falls.mean(), 0.3 * (level - level.mean()), atol=1e-5, rtol=1e-4)


def test_what_is_seen_of_a_subject_is_as_if_no_other_left(world, trained):
    model, _ = trained
    induced, both = Induced(model, world.data), _some(world, 2)
    together = subject_features(model, world.data, induced, both, contrasted(both, world.data))
    for subject in (0, 1):
        pairs = pairs_of(world, subject)
        contrast = contrasted(pairs, world.data)
        alone = subject_features(model, world.data, induced, pairs, contrast)
        torch.testing.assert_close(together.of_subjects[subject], alone.of_subjects[0])
        mine = together.subject == subject
        orders = both.items[mine].argsort(), pairs.items.argsort()
        torch.testing.assert_close(together.values[mine][orders[0]], alone.values[orders[1]], rtol=1e-4, atol=1e-4)
        level, pushed = (
            fold_in_margins(items, pairs, contrast) for items in (model.items, model.items - 0.4 * induced.items(pairs))
        )
        torch.testing.assert_close(alone.level, level)
        torch.testing.assert_close(alone.gives_way_together[0], (level - pushed).mean() / 0.4, rtol=0.05, atol=0.01)
        first = induced.items(pairs)[pairs.items[0]]
        items = model.items.index_add(0, pairs.items[:1], -0.4 * first[None])
        own = (level - fold_in_margins(items, pairs, contrast))[0] / 0.4
        torch.testing.assert_close(alone.gives_way[0], own, rtol=0.1, atol=0.02)


def test_many_who_leave_at_once_fall_together_as_far_as_each_must(world, trained):
    """Each one's push reaches the others' margins as well, and ends where all of them together bring each down."""
    model, _ = trained
    induced, pairs = Induced(model, world.data), _some(world, 12)
    contrast = contrasted(pairs, world.data)
    seen = subject_features(model, world.data, induced, pairs, contrast)
    rising = whole_falling(0.1, 0.1)
    wanted = rising.mean(seen.of_subjects)
    at_once = whole_amplitudes(
        model, world.data, induced, _rows(model), pairs, rising, usual=0.5, may_rise=False, each=True
    )
    one_by_one = torch.empty_like(at_once)
    for subject in range(12):
        mine = pairs.subjects == subject
        one_by_one[mine] = whole_amplitudes(
            model, world.data, induced, _rows(model), pairs.where(mine), rising, usual=0.5, may_rise=False, each=True
        )
    falls = [
        seen.mean(seen.level) - _levels(model.items - induced.items(pairs, amplitudes), pairs, contrast)
        for amplitudes in (at_once, one_by_one)
    ]
    missed = [float((fall - wanted).abs().mean() / wanted.mean()) for fall in falls]
    assert missed[0] < 0.5 * missed[1]
    assert float(falls[0].mean()) == pytest.approx(float(wanted.mean()), rel=0.1)


def test_what_a_pull_has_done_of_a_fall_is_not_pushed_again(world, trained):
    model, _ = trained
    induced, pairs = Induced(model, world.data), pairs_of(world, 3)
    contrast = contrasted(pairs, world.data)
    level = float(fold_in_margins(model.items, pairs, contrast).mean())

    def level_after(part):
        """The level after a pull that has done a part of a fall by 0.1, and the push."""
        pulled = Rows(model.subjects, model.items - part * induced.items(pairs, usual))
        amplitudes = whole_amplitudes(
            model, world.data, induced, pulled, pairs, WHOLE, usual=0.5, may_rise=False, each=True
        )
        pushed = pulled.pushed(induced, pairs, amplitudes, 0.0)
        return float(fold_in_margins(pushed.items, pairs, contrast).mean())

    usual = whole_amplitudes(
        model, world.data, induced, _rows(model), pairs, WHOLE, usual=0.5, may_rise=False, each=True
    )
    for part in (0.0, 0.5, 1.0):
        assert level - level_after(part) == pytest.approx(0.1, abs=0.02)
    beyond = float(fold_in_margins(model.items - 2.0 * induced.items(pairs, usual), pairs, contrast).mean())
    assert level_after(2.0) == pytest.approx(beyond)  # it is not pushed back either


def test_who_keeps_something_or_shared_one_pair_alone_gets_the_usual_amplitude(world, trained):
    model, _ = trained
    pairs, nobody = pairs_of(world, 3), torch.zeros(world.data.n_subjects, dtype=torch.bool)
    some = Edges(pairs.subjects[:2], pairs.items[:2])
    lonely = world.data.without(Edges(pairs.subjects[1:], pairs.items[1:]), nobody)
    for data, asked in ((world.data, some), (lonely, Edges(pairs.subjects[:1], pairs.items[:1]))):
        amplitudes = whole_amplitudes(
            model, data, Induced(model, data), _rows(model), asked, WHOLE, usual=0.5, may_rise=False, each=True
        )
        assert amplitudes.tolist() == [0.5] * len(asked)


@pytest.mark.parametrize(("wanted", "amplitude"), [(0.1, 0.5), (-0.1, 0.0)])
def test_where_no_margin_gives_way_the_usual_push_is_made_unless_none_has_to_fall(
    world, trained, monkeypatch, wanted, amplitude
):
    monkeypatch.setattr("models_engine.fedshare.unlearning.amplitudes.LEAST_GIVING_WAY", 1e6)
    model, _ = trained
    fall, pairs, induced = whole_falling(wanted), pairs_of(world, 3), Induced(model, world.data)
    amplitudes = whole_amplitudes(
        model, world.data, induced, _rows(model), pairs, fall, usual=0.5, may_rise=False, each=True
    )
    assert amplitudes.tolist() == [amplitude] * len(pairs)
