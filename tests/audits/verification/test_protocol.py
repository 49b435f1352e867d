"""An audit from plan to verdict on a small world."""

from dataclasses import replace

import pytest
import torch

from audits.verification.collateral import Collateral, paired_change
from audits.verification.engine import AFTER_ERASURE, AFTER_UNSHARING, expose
from audits.verification.errors import AuditError
from audits.verification.exposure import Exposure, Scene, read
from audits.verification.plan import AuditPlan
from audits.verification.protocol import Audit
from audits.verification.verdict import Verdict
from models_engine.fedshare.course import Course
from models_engine.fedshare.data import Edges
from models_engine.fedshare.training import Training
from tests.worlds import SMALL, World, WorldDevices

K = 9
ERASED = 8
ALL_ATTACKS = ("lira", "lira_per_example", "population", "u_lira")


def _plan(**changes) -> AuditPlan:
    plan = AuditPlan("quick", AFTER_ERASURE, ("lira",), tuple(range(100, 100 + K)), (), seed=1, contrast_items=30)
    return replace(plan, **changes)


def _wide(**changes) -> AuditPlan:
    return _plan(known_seeds=tuple(range(200, 200 + K)), attacks=ALL_ATTACKS, repeats=True, **changes)


class Stage:
    """A model that knows 8 subjects, one that never did, and fleets of both kinds."""

    def __init__(self):
        self.world = World(subjects=80, items=160, pairs=24, shared=1.0)
        self.config = replace(SMALL, width=16, rounds=80)
        self.erased = torch.arange(80) < ERASED
        self.data = self.world.data
        self.pairs = self.data.edges.where(self.erased[self.data.edges.subjects])
        self.remaining = self.data.without(self.pairs, self.erased)
        self.scene = Scene.of(self.pairs, self.data.edges, self.data.item_popularity(), 30)
        (self.old, _), (self.never, _) = (self.world.learn(data, self.config) for data in (self.data, self.remaining))
        self.references = [self.see(model, after=True) for model in self._fleet(self.remaining, 100)]
        self.known_models = self._fleet(self.data, 200)
        self.known = [self.see(model) for model in self.known_models]

    def see(self, model, after: bool = False) -> Exposure:
        return expose(model, self.remaining if after else self.data, self.data.subject_keys)

    def read(self, exposure: Exposure, statistics=AFTER_ERASURE):
        return read(exposure, [self.scene], statistics)[0]

    def audit(self, plan: AuditPlan, **changes) -> Audit:
        known = self.known if plan.known_seeds else [self.see(self.old)]
        arguments = {
            "plan": plan,
            "frozen": plan.digest(),
            "scene": self.scene,
            "known": [self.read(exposure) for exposure in known],
            "without": [self.read(exposure) for exposure in self.references],
        }
        return Audit(**(arguments | changes))

    def _fleet(self, data, first_seed: int):
        course = Course.single([data] * K, list(range(first_seed, first_seed + K)), self.config.rounds)
        return Training(self.config, course, WorldDevices(self.world, self.config)).run()


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage()


def test_doing_nothing_is_found_and_is_full_residual_influence(stage):
    result = stage.audit(_plan()).check([stage.read(stage.see(stage.old))])
    assert result.verdict is Verdict.RESIDUAL_INFLUENCE
    assert all(member.influence.estimate == pytest.approx(1) for member in result.measured.membership)


def test_a_model_that_never_knew_is_not_told_apart(stage):
    result = stage.audit(_plan()).check([stage.read(stage.see(stage.never, after=True))])
    assert result.verdict in (Verdict.REMOVED_WITHIN_MARGIN, Verdict.INCONCLUSIVE)
    assert result.apart == []
    assert abs(result.measured.membership[0].influence.estimate) < 0.5


def test_avoiding_the_data_is_found_as_surely_as_remembering_it(stage):
    items = stage.never.items.clone()
    affected = torch.unique(stage.pairs.items)
    # Scattering the items apart makes the withdrawn pairs stand out less than chance would.
    noise = torch.randn(items[affected].shape, generator=torch.Generator().manual_seed(0))
    items[affected] = noise * items.std()
    result = stage.audit(_plan()).check([stage.read(stage.see(replace(stage.never, items=items), after=True))])
    assert result.verdict is Verdict.OVER_FORGOTTEN


def test_many_models_that_never_knew_pass_where_one_has_too_little_power(stage):
    fresh = [stage.see(model, after=True) for model in stage._fleet(stage.remaining, 300)]
    audit = stage.audit(_wide())
    one, many = audit.check([stage.read(fresh[0])]), audit.check([stage.read(exposure) for exposure in fresh])
    assert many.measured.membership[0].power > one.measured.membership[0].power
    assert many.verdict is Verdict.REMOVED_WITHIN_MARGIN
    assert {attack.name for attack in many.measured.membership[0].attacks} == set(ALL_ATTACKS)
    assert {sample.name for sample in many.measured.samples} == {"energy_distance", "mmd"}
    assert many.epsilon is not None


def test_many_models_that_did_nothing_are_found_by_every_attack(stage):
    audit = stage.audit(_wide())
    result = audit.check([stage.read(exposure) for exposure in stage.known])
    assert result.verdict is Verdict.RESIDUAL_INFLUENCE
    for attack in result.measured.membership[0].attacks:
        assert attack.auc.low > 0.55
    assert all(sample.p <= 0.01 for sample in result.measured.samples)


def test_results_carry_the_hash_of_their_plan(stage):
    plan = _plan()
    assert stage.audit(plan).check([stage.read(stage.see(stage.old))]).plan_digest == plan.digest()


def test_nothing_is_printed_without_an_interval(stage):
    (first, *_) = stage.audit(_plan()).check([stage.read(stage.see(stage.old))]).measured.membership
    (attack,) = first.attacks
    for interval in (first.influence, attack.auc, attack.tpr):
        assert interval.low <= interval.estimate <= interval.high
    assert attack.auc.estimate > 0.6


def _constant(stage):
    """A model whose items are all the same."""
    return stage.read(stage.see(replace(stage.never, items=torch.ones_like(stage.never.items)), after=True))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (lambda s: {"without": [s.read(e) for e in s.references[:3]]}, "asks for 9 references, 3 were given"),
        (lambda s: {"known": []}, "asks for 1 models that know the data, 0 were given"),
        (lambda s: {"without": [s.read(s.references[0])] * K}, "not independent"),
        (lambda s: {"known": [s.read(s.references[0])]}, "not independent"),
        (lambda s: {"without": [*[s.read(e) for e in s.references[1:]], _constant(s)]}, "scores all pairs alike"),
        (lambda s: {"frozen": _plan(margin=0.3).digest()}, "changed after it was frozen"),
        (lambda s: {"scene": replace(s.scene, contrast=s.scene.contrast[:, :20])}, "against 30 items, not 20"),
    ],
)
def test_input_that_can_not_carry_a_verdict_is_refused(stage, changes, message):
    with pytest.raises(AuditError, match=message):
        stage.audit(_plan(), **changes(stage))


@pytest.mark.parametrize(
    ("candidate", "message"),
    [
        (lambda s: s.read(s.references[0]), "not independent"),
        (lambda s: _constant(s), "scores all pairs alike"),
        (lambda s: replace(s.read(s.references[0]), margins={}), "not read for this request"),
        (lambda s: _nan(s), "NaN"),
    ],
)
def test_a_candidate_that_can_not_be_judged_is_refused(stage, candidate, message):
    with pytest.raises(AuditError, match=message):
        stage.audit(_plan()).check([candidate(stage)])


def test_copies_passed_as_many_models_are_refused(stage):
    with pytest.raises(AuditError, match="not independent"):
        stage.audit(_wide()).check([stage.read(stage.see(stage.never, after=True))] * K)


def _nan(stage):
    reading = stage.read(stage.see(stage.never, after=True))
    return replace(reading, population={name: values * float("nan") for name, values in reading.population.items()})


def test_candidates_are_one_or_one_for_each_that_knows(stage):
    with pytest.raises(AuditError, match="2 candidates"):
        stage.audit(_wide()).check([stage.read(exposure) for exposure in stage.known[:2]])


def test_one_pair_alone_can_be_audited(stage):
    pair = stage.data.edges.where(torch.arange(len(stage.data.edges)) == 900)
    scene = Scene.of(pair, stage.data.edges, stage.data.item_popularity(), 30)
    statistics = ("pairs_on_rows", "pairs_on_views")
    fresh = [stage.see(model, after=True) for model in stage._fleet(stage.remaining, 300)]
    known, without, after = (
        [read(exposure, [scene], statistics)[0] for exposure in side] for side in (stage.known, stage.references, fresh)
    )
    plan = _wide(statistics=statistics)
    audit = Audit(plan, plan.digest(), scene, known, without)
    for candidates in (after[:1], after):
        result = audit.check(candidates)
        assert (result.pairs, result.subjects) == (1, 1)
        assert result.verdict in (Verdict.NOT_TESTABLE, Verdict.INCONCLUSIVE)


def test_an_empty_forget_set_is_refused(stage):
    nothing = Edges(stage.pairs.subjects[:0], stage.pairs.items[:0])
    with pytest.raises(AuditError, match="empty"):
        Scene.of(nothing, stage.data.edges, stage.data.item_popularity(), 30)


def test_scores_that_are_not_finite_are_refused(stage):
    broken = replace(stage.never, items=stage.never.items * float("nan"))
    with pytest.raises(AuditError, match="NaN"):
        stage.read(stage.see(broken, after=True))


def test_a_statistic_that_needs_what_is_gone_is_refused(stage):
    with pytest.raises(AuditError, match="own rows"):
        stage.read(stage.references[0], AFTER_UNSHARING)
    with pytest.raises(AuditError, match="it allows fold_in_on_item_rows"):
        stage.read(Exposure(items=stage.references[0].items), ("pairs_on_rows",))


def test_any_recommender_that_scores_pairs_can_be_audited(stage):
    """Nothing of this engine's: a model is a function of subject and item."""
    statistics = ("pairs_on_scores",)

    def reading(exposure: Exposure):
        # As a stranger's model would score: by the items alone, since the subjects have left.
        items = exposure.items["item_rows"]
        taste = torch.zeros(80, 16).index_add(0, stage.pairs.subjects, items[stage.pairs.items])
        scores = {"scores": lambda of, with_items: torch.einsum("pd,pcd->pc", taste[of], items[with_items])}
        return read(Exposure(scores=scores), [stage.scene], statistics)[0]

    plan = _plan(statistics=statistics)
    audit = stage.audit(
        plan, known=[reading(stage.see(stage.old))], without=[reading(exposure) for exposure in stage.references]
    )
    result = audit.check([reading(stage.see(stage.old))])
    assert result.verdict is Verdict.RESIDUAL_INFLUENCE
    assert result.measured.distances == ()


def test_requests_read_together_are_read_as_if_alone(stage):
    halves = [stage.pairs.subjects < ERASED // 2, stage.pairs.subjects >= ERASED // 2]
    scenes = [Scene.of(stage.pairs.where(half), stage.data.edges, stage.data.item_popularity(), 30) for half in halves]
    together = read(stage.references[0], scenes, AFTER_ERASURE)
    for scene, reading in zip(scenes, together, strict=True):
        (alone,) = read(stage.references[0], [scene], AFTER_ERASURE)
        for name in AFTER_ERASURE:
            assert reading.margins[name] == pytest.approx(alone.margins[name], abs=1e-5)


def test_collateral_sees_who_was_damaged(stage):
    collateral = Collateral.of(stage.data, stage.erased, 30, stage.see(stage.old), stage.references)
    fine = collateral.check(stage.see(stage.never, after=True))
    noise = torch.randn(stage.never.items.shape, generator=torch.Generator().manual_seed(3))
    wrecked = replace(stage.never, items=stage.never.items + 3 * noise * stage.never.items.std())
    bad = collateral.check(stage.see(wrecked, after=True))
    assert fine.subjects == min(64, 80 - ERASED)
    assert fine.attack_surface.detection.p > 0.001
    assert bad.recommendations_changed.after > fine.recommendations_changed.after
    assert bad.recommendations_changed.detection.p < 0.001
    assert bad.cka < fine.cka


def test_nobody_to_look_at_is_no_collateral(stage):
    everybody = torch.ones(80, dtype=torch.bool)
    assert Collateral.of(stage.data, everybody, 30, stage.see(stage.old), stage.references) is None


def test_a_paired_change_by_hand():
    # Changes 1, 2, 3: mean 2, sd 1, t(0.975; 2) = 4.3027.
    before = torch.zeros(3).double().numpy()
    found = paired_change(before, before + torch.tensor([1.0, 2.0, 3.0]).double().numpy())
    assert (found.low, found.high) == pytest.approx((2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5), abs=1e-5)
