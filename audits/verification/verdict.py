"""From measurements to a verdict, by a table; and from verdict and method to a conclusion.

| positive control     | intervals of ρ (controlled statistics)             | other tests   | verdict                 |
| -------------------- | -------------------------------------------------- | ------------- | ----------------------- |
| nothing detectable   | any                                                | any           | `not_testable`          |
| something detectable | every one inside the margin                        | none detects  | `removed_within_margin` |
| something detectable | one not inside, its statistic detected above none  | any           | `residual_influence`    |
| something detectable | one not inside, its statistic detected below none  | any           | `over_forgotten`        |
| something detectable | otherwise                                          | any           | `inconclusive`          |

"Detected" is a test of the candidate against the references, adjusted over everything that is tested
(Holm), so that a perfectly forgotten model is called residual or over-forgotten in at most α of all
audits. Where one statistic says residual and another over-forgotten, residual influence is reported:
it is the graver one.
"""

from dataclasses import dataclass
from enum import StrEnum

from audits.verification.statistics import Interval


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


@dataclass(frozen=True)
class Finding:
    """What the table reads of one statistic."""

    name: str
    controlled: bool
    """Whether it detected the data in the model before (Holm-adjusted)."""
    influence: Interval
    """ρ."""


def decide(findings: list[Finding], detected: list[str], margin: float) -> tuple[Verdict, str]:
    """Apply the table. Returns the verdict and the reason in plain words.

    Args:
        findings: the membership statistics.
        detected: names of all tests, membership or other, that tell the model from the references.

    Raises:
        ValueError: there is no finding.
    """
    if not findings:
        raise ValueError("there is nothing to decide on: the audit has no statistic")
    controlled = [f for f in findings if f.controlled]
    if not controlled:
        return (
            Verdict.NOT_TESTABLE,
            "The check could not find the data even in the model as it was before, so finding nothing "
            "afterwards would prove nothing.",
        )
    outside = [f for f in controlled if not f.influence.inside(margin)]
    remembered = [f.name for f in outside if f.name in detected and f.influence.estimate > 0]
    avoided = [f.name for f in outside if f.name in detected and f.influence.estimate < 0]
    if remembered:
        return Verdict.RESIDUAL_INFLUENCE, f"The model still shows influence of the data ({_names(remembered)})."
    if avoided:
        return (
            Verdict.OVER_FORGOTTEN,
            f"The model avoids the data more than a model that never knew it ({_names(avoided)}).",
        )
    if outside:
        return (
            Verdict.INCONCLUSIVE,
            f"The interval of the residual influence does not lie within ±{margin:g} "
            f"({_names([f.name for f in outside])}), and yet nothing was detected: too little data for a claim "
            "either way.",
        )
    elsewhere = [name for name in detected if name not in {f.name for f in findings}]
    if elsewhere:
        return (
            Verdict.INCONCLUSIVE,
            f"The residual influence is within the margin, but another test tells the model apart "
            f"({_names(elsewhere)}).",
        )
    return (
        Verdict.REMOVED_WITHIN_MARGIN,
        f"What is left of the data's influence lies within ±{margin:g} of none, and no other test tells the "
        "model from one that never saw the data.",
    )


def conclude(verdict: Verdict, exact_method: bool) -> Conclusion | None:
    """Join verdict and method; None means: climb to the next strategy."""
    if exact_method:
        return Conclusion.EXACT
    return Conclusion.EQUIVALENT if verdict is Verdict.REMOVED_WITHIN_MARGIN else None


def _names(names: list[str]) -> str:
    return ", ".join(name.replace("_", " ") for name in names)
