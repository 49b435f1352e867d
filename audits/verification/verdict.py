"""From measurements to a verdict, by a table; and from verdict and method to a conclusion.

The rows are read from above; the first that fits gives the verdict.

| what was found                                                                        | verdict                 |
| ------------------------------------------------------------------------------------- | ----------------------- |
| a statistic tells the model apart, towards the data, and ρ isn't shown to be small     | `residual_influence`    |
| a statistic tells the model apart, away from the data, and ρ isn't shown to be small   | `over_forgotten`        |
| anything else tells the model apart by more than its margin                            | `inconclusive`          |
| no statistic finds the data in the models that know it                                 | `not_testable`          |
| none of those that do has the power to show removal                                    | `inconclusive`          |
| ρ isn't shown to be small by one of those that have                                    | `inconclusive`          |
| otherwise                                                                              | `removed_within_margin` |

Which way is towards the data only a statistic can say that finds the data in the models that know it; one that
doesn't and yet tells the model apart belongs to the third row.

"Tells apart" is a test against the references, adjusted over everything that is tested (Holm), so that an
exactly retrained model is called residual or over-forgotten in at most α of all audits. "Shown to be small"
is the interval of ρ inside the margin: two one-sided tests. That *all* statistics with power must pass is an
intersection-union test and needs no correction. Power is known before the model is looked at; a statistic
without it can neither show removal nor hinder it, unless it tells the model apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from audits.verification.errors import AuditError
from audits.verification.plan import AuditPlan
from audits.verification.reason import Because, Reason
from audits.verification.statistics.intervals import Interval
from audits.verification.statistics.multiplicity import holm


class Verdict(StrEnum):
    """What a check found."""

    REMOVED_WITHIN_MARGIN = "removed_within_margin"
    RESIDUAL_INFLUENCE = "residual_influence"
    OVER_FORGOTTEN = "over_forgotten"
    INCONCLUSIVE = "inconclusive"
    NOT_TESTABLE = "not_testable"


class Conclusion(StrEnum):
    """What a request ends with."""

    EXACT = "exact"
    EQUIVALENT = "equivalent"
    CERTIFIED = "certified"


@dataclass(frozen=True)
class Finding:
    """What the table reads of one statistic."""

    name: str
    control_p: float
    """Of finding the data in the models that know it, before adjustment."""
    detection_p: float
    """Of telling the model from the references, before adjustment."""
    towards: bool
    """Whether it deviates from the references towards the models that know."""
    influence: Interval
    """ρ."""
    power: float
    """Chance that exact retraining passes the equivalence test."""


@dataclass(frozen=True)
class Trial:
    """What the table reads of any other test."""

    name: str
    p: float
    """Of telling the model from the references, before adjustment."""
    within: bool
    """Whether the deviation is within its margin, so that it doesn't count."""


def told_apart(findings: Sequence[Finding], trials: Sequence[Trial], alpha: float) -> list[str]:
    """Names of the tests, of both kinds, that tell the model from the references after adjustment."""
    tests = [(f.name, f.detection_p) for f in findings] + [(t.name, t.p) for t in trials]
    adjusted = holm([p for _, p in tests])
    return [name for (name, _), p in zip(tests, adjusted, strict=True) if p <= alpha]


def alarms(findings: Sequence[Finding], trials: Sequence[Trial], plan: AuditPlan) -> list[str]:
    """Names of the tests that tell the model apart by more than their margin."""
    apart = told_apart(findings, trials, plan.alpha)
    found = [f.name for f in findings if f.name in apart and not _small(f, plan)]
    return found + [t.name for t in trials if t.name in apart and not t.within]


def decide(findings: Sequence[Finding], trials: Sequence[Trial], plan: AuditPlan) -> tuple[Verdict, Reason]:
    """Apply the table. Returns the verdict, and which row gave it.

    Raises:
        AuditError: there is no finding.
    """
    if not findings:
        raise AuditError("there is nothing to decide on: the audit has no statistic")
    for name, p in _p_values(findings, trials):
        if not 0 <= p <= 1:
            raise AuditError(f"{name}: {p} is no probability")
    alarm = alarms(findings, trials, plan)
    control = holm([f.control_p for f in findings])
    controlled = [f for f, p in zip(findings, control, strict=True) if p <= plan.alpha]
    suspect = [f for f in controlled if f.name in alarm]
    towards = [f.name for f in suspect if f.towards]
    if towards:
        return Verdict.RESIDUAL_INFLUENCE, Reason(Because.STILL_THERE, tuple(towards))
    if suspect:
        return Verdict.OVER_FORGOTTEN, Reason(Because.AVOIDED, tuple(f.name for f in suspect))
    if alarm:
        return Verdict.INCONCLUSIVE, Reason(Because.DIFFERS_OTHERWISE, tuple(alarm))
    if not controlled:
        return Verdict.NOT_TESTABLE, Reason(Because.NOT_FOUND_BEFORE)
    powered = [f for f in controlled if f.power >= plan.power]
    if not powered:
        best = max(f.power for f in controlled)
        return Verdict.INCONCLUSIVE, Reason(Because.TOO_NOISY, margin=plan.margin, power=best)
    open_ones = tuple(f.name for f in powered if not _small(f, plan))
    if open_ones:
        return Verdict.INCONCLUSIVE, Reason(Because.NOT_SHOWN_SMALL, open_ones, plan.margin)
    return Verdict.REMOVED_WITHIN_MARGIN, Reason(Because.WITHIN_MARGIN, margin=plan.margin)


def join(one: Verdict, alarmed: bool, repeated: Verdict) -> Verdict:
    """The verdict where a method was also run again on many models.

    The many have the power to show removal, and the one that serves may still stand out by itself.

    | the one model is told apart | verdict           |
    | --------------------------- | ----------------- |
    | yes                         | that of the one   |
    | no                          | that of the many  |
    """
    return one if alarmed else repeated


def conclude(verdict: Verdict, exact_method: bool, certified: bool = False) -> Conclusion | None:
    """Join verdict and method; None means: climb to the next strategy.

    | method      | verdict                 | certified on this model | conclusion   |
    | ----------- | ----------------------- | ----------------------- | ------------ |
    | exact       | any                     | any                     | `exact`      |
    | statistical | `removed_within_margin` | any                     | `equivalent` |
    | statistical | `not_testable`          | yes                     | `certified`  |
    | statistical | anything else           |                         | none         |
    """
    if exact_method:
        return Conclusion.EXACT
    if verdict is Verdict.REMOVED_WITHIN_MARGIN:
        return Conclusion.EQUIVALENT
    if verdict is Verdict.NOT_TESTABLE and certified:
        return Conclusion.CERTIFIED
    return None


def _p_values(findings: Sequence[Finding], trials: Sequence[Trial]) -> list[tuple[str, float]]:
    found = [(f.name, value) for f in findings for value in (f.control_p, f.detection_p, f.power)]
    return found + [(t.name, t.p) for t in trials]


def _small(finding: Finding, plan: AuditPlan) -> bool:
    return finding.influence.inside(-plan.margin, plan.margin)
