"""One audit from a frozen plan to a verdict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from audits.verification.distances import Distances
from audits.verification.errors import AuditError
from audits.verification.exposure import Reading, Scene
from audits.verification.membership import likelihood_ratio
from audits.verification.membership.likelihood_ratio import Ratios
from audits.verification.membership.population import population
from audits.verification.membership.projection import control_levels, levels
from audits.verification.plan import AuditPlan
from audits.verification.results import (
    AttackResult,
    AuditResult,
    Measured,
    MembershipResult,
    SampleResult,
    ScoreHistogram,
)
from audits.verification.statistics.detection import Detection, detect, detect_or_even
from audits.verification.statistics.equivalence import equivalence_power, models_needed, residual_influence, tost
from audits.verification.statistics.intervals import Floats, Interval
from audits.verification.statistics.privacy import epsilon_lower_bound
from audits.verification.statistics.roc import (
    auc,
    auc_by_model,
    clustered_auc,
    delong,
    tail_scores,
    tpr_at_fpr,
)
from audits.verification.statistics.two_sample import energy_distance, mmd
from audits.verification.verdict import decide, told_apart

_HISTOGRAM_BINS = 40
_ENOUGH_FOR_A_THOUSANDTH = 10_000
_DELTA = 1e-5
_SAMPLES = {"energy_distance": energy_distance, "mmd": mmd}


@dataclass(frozen=True)
class Margins:
    """Of one statistic, for models after forgetting, models that know, and models that never did."""

    after: Floats
    """[pairs, M]"""
    known: Floats
    """[pairs, K']"""
    without: Floats
    """[pairs, K]"""
    population: tuple[Floats, Floats, Floats]
    """The same of pairs that nobody had."""
    paired: bool
    """Whether the models after forgetting came from those that know, one each."""


def _lira(margins: Margins, per_example: bool = False) -> Ratios:
    sides = margins.after, margins.known, margins.without
    if margins.known.shape[1] == 1:
        return likelihood_ratio.offline(*sides, per_example)
    return likelihood_ratio.online(*sides, per_example, margins.paired)


def _population(margins: Margins) -> Ratios:
    after, known, without = zip((margins.after, margins.known, margins.without), margins.population, strict=True)
    return population(after, known, without)


ATTACKS: dict[str, Callable[[Margins], Ratios]] = {
    "lira": _lira,
    "lira_per_example": lambda margins: _lira(margins, per_example=True),
    "population": _population,
    "u_lira": lambda margins: likelihood_ratio.unlearned(margins.after, margins.known, margins.without),
}
"""By the names that a plan gives them."""


class Audit:
    """The check of one request; the candidates may change, the rest is fixed by the plan.

    Usage: build it once from the readings of the models that know and of those that never did, then
    `check` one candidate after the other while the request climbs the ladder.
    """

    def __init__(
        self, plan: AuditPlan, frozen: str, scene: Scene, known: Sequence[Reading], without: Sequence[Reading]
    ):
        """
        Args:
            frozen: the digest of the plan, as it was put on record.
            scene: what is looked for.
            known: models that know the data: those of the plan's `known_seeds`, or the one as it was.
            without: K models that never had it.

        Raises:
            AuditError: the plan is another than was frozen, models are too few, copies of each other, or
                show a constant.
        """
        plan.assert_frozen(frozen)
        if scene.contrast.shape[1] != plan.contrast_items:
            raise AuditError(
                f"the plan holds each pair against {plan.contrast_items} items, not {scene.contrast.shape[1]}"
            )
        wanted = {"references": len(plan.reference_seeds), "models that know the data": len(plan.known_seeds) or 1}
        for (what, count), given in zip(wanted.items(), (without, known), strict=True):
            if len(given) != count:
                raise AuditError(f"the plan asks for {count} {what}, {len(given)} were given")
        self.plan, self.scene = plan, scene
        self._known, self._without = known, without
        for name in plan.statistics:
            _assert_independent(name, [*without, *known], scene)
        self._distances = Distances.of(scene, known, without, plan.seed)

    def check(self, candidates: Sequence[Reading]) -> AuditResult:
        """Measure models that have forgotten, and decide.

        Args:
            candidates: the one model that is to serve, or one made from each of the models that know, in
                their order.

        Raises:
            AuditError: a number of candidates that is neither, or candidates that can't be judged: copies of
                references or of each other, constants, scores that are missing.
        """
        if len(candidates) != 1 and len(candidates) != len(self._known):
            raise AuditError(f"{len(candidates)} candidates were given: give one, or one for each model that knows")
        plan = self.plan
        for name in plan.statistics:
            _assert_independent(name, [*candidates, *self._without], self.scene)
        measuring = [
            _Measuring(plan, name, self._margins(name, candidates), self._clusters) for name in plan.statistics
        ]
        measured = Measured(
            membership=tuple(one.result() for one in measuring),
            distances=tuple(self._distances.of_candidates(candidates)) if self._distances else (),
            samples=tuple(measuring[0].samples()),
        )
        findings, trials = measured.findings(), measured.trials(plan)
        verdict, reason = decide(findings, trials, plan)
        return AuditResult(
            plan_digest=plan.digest(),
            pairs=len(self.scene.pairs),
            subjects=len(np.unique(self._clusters)),
            models=len(candidates),
            measured=measured,
            epsilon=measuring[0].epsilon(),
            apart=told_apart(findings, trials, plan.alpha),
            histogram=measuring[0].histogram(),
            verdict=verdict,
            reason=reason,
        )

    @cached_property
    def _clusters(self) -> NDArray[np.int64]:
        return self.scene.pairs.subjects.numpy()

    def _margins(self, name: str, candidates: Sequence[Reading]) -> Margins:
        sides = (candidates, self._known, self._without)
        after, known, without = (np.stack([r.margins[name] for r in side], 1) for side in sides)
        x, y, z = (np.stack([r.population[name] for r in side], 1) for side in sides)
        return Margins(after, known, without, (x, y, z), paired=len(candidates) > 1)


class _Measuring:
    """One statistic."""

    def __init__(self, plan: AuditPlan, name: str, margins: Margins, clusters: NDArray[np.int64]):
        self._plan, self._name, self._margins, self._clusters = plan, name, margins, clusters
        self._levels = levels(margins.after, margins.known, margins.without, margins.paired)
        self._control = control_levels(margins.known, margins.without)

    def result(self) -> MembershipResult:
        plan, level = self._plan, self._levels
        mean, spread = float(level.without.mean()), float(level.without.std(ddof=1))
        effect = (float(level.known.mean()) - mean) / spread
        sizes = (len(level.after), len(level.known), len(level.without))
        return MembershipResult(
            name=self._name,
            after=float(level.after.mean()),
            known=float(level.known.mean()),
            reference_mean=mean,
            reference_sd=spread,
            control=detect(*self._control),
            detection=detect(level.after, level.without),
            influence=residual_influence(level.after, level.known, level.without, plan.confidence),
            equivalence_p=tost(level.after, level.known, level.without, plan.margin),
            power=equivalence_power(effect, *sizes, plan.margin, plan.confidence),
            models_needed=_models_needed(effect, plan),
            attacks=tuple(self._attack(attack) for attack in plan.attacks_on(len(level.after))),
        )

    def epsilon(self) -> Interval | None:
        """Empirical ε of the levels, one for each model."""
        if len(self._levels.after) < 2:
            return None
        return epsilon_lower_bound(self._levels.after, self._levels.without, _DELTA)

    def samples(self) -> list[SampleResult]:
        """Where several models have forgotten: are they and the references of one distribution?"""
        margins = self._margins
        if min(margins.after.shape[1], margins.known.shape[1]) < 2:
            return []
        results = []
        for name, test in _SAMPLES.items():
            after = test(margins.after.T, margins.without.T, self._plan.seed)
            known = test(margins.known.T, margins.without.T, self._plan.seed, permutations=0)
            results.append(SampleResult(name, after.distance, known.distance, after.p, after.permutations))
        return results

    def histogram(self) -> ScoreHistogram:
        """Of the margins themselves."""
        sides = [side.ravel() for side in (self._margins.known, self._margins.after, self._margins.without)]
        low, high = np.quantile(np.concatenate(sides), [0.001, 0.999])
        edges = np.linspace(low, high, _HISTOGRAM_BINS + 1)
        known, after, references = (
            [float(n) / len(side) for n in np.histogram(np.clip(side, low, high), edges)[0]] for side in sides
        )
        return ScoreHistogram([float(e) for e in edges], known, after, references)

    def _attack(self, name: str) -> AttackResult:
        rate = self._plan.false_positive_rate
        ratios = ATTACKS[name](self._margins)
        enough = ratios.without.size >= _ENOUGH_FOR_A_THOUSANDTH
        return AttackResult(
            name=name,
            auc=self._auc(ratios),
            tpr=tpr_at_fpr(ratios.after, ratios.without, rate),
            tpr_at_a_thousandth=tpr_at_fpr(ratios.after, ratios.without, 0.001) if enough else None,
            auc_known=auc(ratios.known, ratios.without),
            auc_detection=_detect_auc(ratios),
            tpr_detection=_detect_tail(ratios, rate),
        )

    def _auc(self, ratios: Ratios) -> Interval:
        if ratios.after.shape[1] == 1 and len(np.unique(self._clusters)) == 1 and len(self._clusters) > 1:
            return delong(ratios.after[:, 0], ratios.without.ravel())
        return clustered_auc(ratios.after, ratios.without, self._clusters, self._plan.seed)


def _models_needed(effect: float, plan: AuditPlan) -> int | None:
    try:
        return models_needed(effect, plan.margin, plan.power, plan.confidence)
    except ValueError:
        return None


def _detect_auc(ratios: Ratios) -> Detection:
    """AUC by model, against those of the references."""
    null = auc_by_model(ratios.without, ratios.without, own=True)
    return detect_or_even(auc_by_model(ratios.after, ratios.without), null)


def _detect_tail(ratios: Ratios, rate: float) -> Detection:
    """How far up each model's highest scores reach, against those of the references.

    Those of a model with more true positives reach higher; and pairs of one model are alike, so that to count
    those beyond a common threshold and compare with a binomial would reject too often.
    """
    null = tail_scores(ratios.without, ratios.without, rate, own=True)
    return detect_or_even(tail_scores(ratios.after, ratios.without, rate), null)


def _assert_independent(name: str, readings: Sequence[Reading], scene: Scene) -> None:
    """Models that show the same numbers are one model; those that show one number alone can't be judged."""
    if any(name not in reading.margins or len(reading.margins[name]) != len(scene.pairs) for reading in readings):
        raise AuditError(f"{name}: a model was not read for this request; see exposure.read")
    margins = np.stack([reading.margins[name] for reading in readings], 1)
    others = np.stack([reading.population[name] for reading in readings], 1)
    if not (np.isfinite(margins).all() and np.isfinite(others).all()):
        raise AuditError(f"{name} gives NaN or infinite scores")
    if np.unique(margins, axis=1).shape[1] < margins.shape[1]:
        raise AuditError(f"{name}: two of the models show the same, to the last digit: they are not independent")
    if len(margins) > 1 and (np.ptp(margins, axis=0) == 0).any():
        raise AuditError(f"{name}: a model scores all pairs alike, so that nothing can be told from it")
