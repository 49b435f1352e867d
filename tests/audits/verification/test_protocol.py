"""An audit from plan to verdict on a small world."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from audits.verification.plan import AuditPlan
from audits.verification.protocol import AFTER_ERASURE, AFTER_UNSHARING, Audit, AuditError, Exposure
from audits.verification.representation import procrustes_residuals
from audits.verification.verdict import Verdict
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import Edges
from models_engine.fedshare.training import Training
from tests.worlds import SMALL, World, WorldDevices

K = 9
ERASED = 8


def _plan(**changes) -> AuditPlan:
    plan = AuditPlan("quick", K, tuple(range(100, 100 + K)), 1, AFTER_ERASURE, contrast_items=30)
    return replace(plan, **changes)


@pytest.fixture(scope="module")
def scene():
    """A model that knows 8 subjects, one that never did, and K references that never did."""
    world = World(subjects=80, items=160, pairs=24, shared=1.0)
    config = replace(SMALL, width=16, rounds=80)
    erased = torch.arange(80) < ERASED
    pairs = world.data.edges.where(erased[world.data.edges.subjects])
    remaining = world.data.without(pairs, erased)
    (old, _), (never, _) = world.learn(world.data, config), world.learn(remaining, config)
    course = Course.single([remaining] * K, list(range(100, 100 + K)), config.rounds)
    trained = Training(config, course, WorldDevices(world, config)).run()
    references = [Exposure.of(model, remaining) for model in trained]
    return world.data, remaining, pairs, Exposure.of(old, world.data), never, references


def test_doing_nothing_is_found_and_is_full_residual_influence(scene):
    data, _, pairs, old, _, references = scene
    result = Audit(_plan(), pairs, data, old, references).check(old)
    assert result.verdict is Verdict.RESIDUAL_INFLUENCE
    assert all(member.influence.estimate == pytest.approx(1) for member in result.membership)


def test_a_model_that_never_knew_is_not_told_apart(scene):
    data, remaining, pairs, old, never, references = scene
    result = Audit(_plan(), pairs, data, old, references).check(Exposure.of(never, remaining))
    assert result.verdict in (Verdict.REMOVED_WITHIN_MARGIN, Verdict.INCONCLUSIVE)
    assert result.detected == []
    assert abs(result.membership[0].influence.estimate) < 0.5


def test_avoiding_the_data_is_found_as_surely_as_remembering_it(scene):
    data, remaining, pairs, old, never, references = scene
    items = never.items.clone()
    generator = torch.Generator().manual_seed(0)
    affected = torch.unique(pairs.items)
    # Scattering the items apart makes the withdrawn pairs stand out less than chance would.
    items[affected] = torch.randn(items[affected].shape, generator=generator) * items.std()
    result = Audit(_plan(), pairs, data, old, references).check(Exposure.of(replace(never, items=items), remaining))
    assert result.verdict is Verdict.OVER_FORGOTTEN


def test_results_carry_the_hash_of_their_plan(scene):
    data, _, pairs, old, _, references = scene
    plan = _plan()
    assert Audit(plan, pairs, data, old, references).check(old).plan_digest == plan.digest()
    assert replace(plan, margin=0.3).digest() != plan.digest()


def test_the_attack_is_reported_with_intervals(scene):
    data, _, pairs, old, _, references = scene
    (first, *_) = Audit(_plan(), pairs, data, old, references).check(old).membership
    assert first.attack_auc.low <= first.attack_auc.estimate <= first.attack_auc.high
    assert first.attack_auc.estimate > 0.6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: {"pairs": Edges(s[2].subjects[:0], s[2].items[:0])}, "empty"),
        (lambda s: {"plan": _plan(references=3, reference_seeds=(1, 2, 3))}, "asks for 3 references"),
        (lambda s: {"plan": _plan(statistics=AFTER_UNSHARING)}, "own rows"),
    ],
)
def test_input_that_can_not_carry_a_verdict_is_refused(scene, change, message):
    data, _, pairs, old, _, references = scene
    arguments = {"plan": _plan(), "pairs": pairs, "before": data, "old": old, "references": references}
    with pytest.raises(AuditError, match=message):
        Audit(**(arguments | change(scene)))


def test_copies_passed_as_references_are_refused(scene):
    data, _, pairs, old, _, references = scene
    with pytest.raises(AuditError, match="same model"):
        Audit(_plan(), pairs, data, old, references[:1] * K)


def test_scores_that_are_not_finite_are_refused(scene):
    data, remaining, pairs, old, never, references = scene
    broken = replace(never, items=never.items * float("nan"))
    with pytest.raises(AuditError, match="NaN"):
        Audit(_plan(), pairs, data, old, references).check(Exposure.of(broken, remaining))


def test_procrustes_ignores_a_rotation_and_sees_one_replaced_row_in_five_thousand():
    generator = np.random.default_rng(0)
    table = generator.normal(size=(5000, 16))
    rotation = np.linalg.qr(generator.normal(size=(16, 16)))[0]
    watched = np.arange(5000) < 10
    assert procrustes_residuals((table @ rotation)[None], table[None], watched)[0, 0] == pytest.approx(0, abs=1e-6)
    changed = table.copy()
    changed[3] = generator.normal(size=16)
    assert procrustes_residuals((changed @ rotation)[None], table[None], watched)[0, 0] > 0.2
