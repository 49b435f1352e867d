"""Everything that an audit measures, by name; and what the verdict's table reads of it."""

import math
from dataclasses import dataclass

from audits.verification.errors import AuditError
from audits.verification.plan import AuditPlan
from audits.verification.reason import Reason
from audits.verification.statistics.detection import Detection
from audits.verification.statistics.intervals import Interval
from audits.verification.verdict import Finding, Trial, Verdict

DISTANCES = ("procrustes_residual", "cosine_structure", "neighbours_changed")
"""Where models show an item table, of which enough is untouched."""
SAMPLES = ("energy_distance", "mmd")
"""Where several models have forgotten."""


@dataclass(frozen=True)
class AttackResult:
    """One attack on one statistic."""

    name: str
    auc: Interval
    """95 %, clustered by subject (DeLong's where one model has one subject)."""
    tpr: Interval
    """At the plan's false-positive rate, exact 95 %."""
    tpr_at_a_thousandth: Interval | None
    """At 0.1 % false positives; None where there are fewer than 10,000 scores to set the threshold by."""
    auc_known: float
    """The same attack on the models that know the data: what it can do at all."""
    auc_detection: Detection
    """AUC by model, against its values on the references."""
    tpr_detection: Detection

    def trials(self, statistic: str, plan: AuditPlan) -> list[Trial]:
        """What the table reads."""
        auc_within = self.auc.inside(0.5 - plan.auc_margin, 0.5 + plan.auc_margin)
        tpr_within = self.tpr.high < 2 * plan.false_positive_rate
        return [
            Trial(f"{self.name}_auc_{statistic}", self.auc_detection.p, auc_within),
            Trial(f"{self.name}_tpr_{statistic}", self.tpr_detection.above(), tpr_within),
        ]


@dataclass(frozen=True)
class MembershipResult:
    """One statistic: models after forgetting, models that know, and models that never did."""

    name: str
    after: float
    """Mean level; see `membership.projection`."""
    known: float
    reference_mean: float
    reference_sd: float
    control: Detection
    """The models that know, against the references."""
    detection: Detection
    """The models after forgetting, against the references."""
    influence: Interval
    """ρ"""
    equivalence_p: float
    """Of the two one-sided tests."""
    power: float
    """Chance that exact retraining would pass them."""
    models_needed: int | None
    """Of each kind, to pass with the plan's power when the method is run again on many; None: no number would do."""
    attacks: tuple[AttackResult, ...]

    def assert_consistent(self, plan: AuditPlan) -> None:
        """Raise AuditError where the numbers contradict each other."""
        rho, shift = self.influence, self.known - self.reference_mean
        expected = (self.after - self.reference_mean) / shift if shift else math.nan
        if not (rho.low <= rho.estimate <= rho.high or math.isnan(rho.estimate)) or rho.confidence != plan.confidence:
            raise AuditError(f"{self.name}: the interval of ρ is none")
        if not math.isclose(rho.estimate, expected, rel_tol=1e-6, abs_tol=1e-9) and shift:
            raise AuditError(f"{self.name}: ρ is stated as {rho.estimate:.4g}, its levels give {expected:.4g}")
        if (self.detection.t > 0) != (self.after > self.reference_mean) and self.detection.t:
            raise AuditError(f"{self.name}: the deviation is stated as the other way round than its levels")

    def finding(self) -> Finding:
        """What the table reads."""
        upwards = self.known >= self.reference_mean
        return Finding(
            name=self.name,
            control_p=self.control.p,
            detection_p=self.detection.p,
            towards=(self.detection.t > 0) == upwards,
            influence=self.influence,
            power=self.power,
        )


@dataclass(frozen=True)
class DistanceResult:
    """A rotation-invariant distance to the references, against those that references have to each other."""

    name: str
    known: float
    after: float
    reference_mean: float
    reference_sd: float
    percentile: float
    """Of the distance after among the references' own, 0 to 100."""
    detection: Detection

    def trial(self, plan: AuditPlan) -> Trial:
        """What the table reads; only too far is suspect."""
        within = self.after - self.reference_mean < plan.distance_margin * self.reference_sd
        return Trial(self.name, self.detection.above(), within)


@dataclass(frozen=True)
class SampleResult:
    """Models after forgetting and references as two samples."""

    name: str
    distance: float
    known: float
    """Between the models that know and the references."""
    p: float
    permutations: int

    def trial(self, plan: AuditPlan) -> Trial:
        """What the table reads. Both distances grow with the square of a small shift."""
        return Trial(self.name, self.p, self.distance <= plan.margin**2 * self.known)


@dataclass(frozen=True)
class ScoreHistogram:
    """Distributions of the first statistic's margins, for a plot; shares that sum to 1."""

    edges: list[float]
    known: list[float]
    after: list[float]
    references: list[float]


@dataclass(frozen=True)
class Measured:
    """All the tests of an audit."""

    membership: tuple[MembershipResult, ...]
    distances: tuple[DistanceResult, ...]
    samples: tuple[SampleResult, ...]

    def assert_complete(self, plan: AuditPlan, models: int) -> None:
        """Raise AuditError unless every statistic and every attack of the plan was run on so many models."""
        if models not in (1, len(plan.known_seeds) if plan.repeats else 1):
            raise AuditError(f"{models} models were measured, which the plan does not have")
        if {d.name for d in self.distances} not in (set(), set(DISTANCES)):
            raise AuditError("a distance is missing")
        if {s.name for s in self.samples} != (set(SAMPLES) if models > 1 else set()):
            raise AuditError("a test of two samples is missing")
        names = tuple(member.name for member in self.membership)
        if names != plan.statistics:
            raise AuditError(
                f"the plan names the statistics {', '.join(plan.statistics)}, measured: {', '.join(names)}"
            )
        for member in self.membership:
            member.assert_consistent(plan)
            attacks = tuple(attack.name for attack in member.attacks)
            if attacks != plan.attacks_on(models):
                raise AuditError(f"{member.name}: the attacks run are not those of the plan")

    def findings(self) -> list[Finding]:
        """What the table reads of the statistics."""
        return [member.finding() for member in self.membership]

    def trials(self, plan: AuditPlan) -> list[Trial]:
        """What the table reads of every other test."""
        trials = [trial for m in self.membership for attack in m.attacks for trial in attack.trials(m.name, plan)]
        trials += [distance.trial(plan) for distance in self.distances]
        return trials + [sample.trial(plan) for sample in self.samples]


@dataclass(frozen=True)
class AuditResult:
    """Everything that was measured, and what follows from it."""

    plan_digest: str
    pairs: int
    subjects: int
    models: int
    """How many models that have forgotten were looked at."""
    measured: Measured
    epsilon: Interval | None
    """Empirical ε with its lower bound, of the first statistic's levels; None for one model alone."""
    apart: list[str]
    """Tests that tell the models apart (Holm)."""
    histogram: ScoreHistogram
    verdict: Verdict
    reason: Reason
