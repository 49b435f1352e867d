"""The plan of an audit: frozen and hashed before anything runs."""

import hashlib
import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class AssuranceLevel:
    """How hard an audit looks."""

    name: str
    references: int
    """K, models retrained without the data."""
    claim: str
    """What a verdict at this level may be read as."""
    limit: str
    """What it can't show."""


QUICK = AssuranceLevel(
    name="quick",
    references=19,
    claim=(
        "One model is compared with 19 models retrained without the data: differences of a few "
        "standard deviations are found, and an exact rank test can reach p = 0.10, two-sided."
    ),
    limit=(
        "The 'in' side is the single model as it was; small requests are often below the power that an "
        "equivalence claim needs, and true-positive rates at very low false-positive rates are not estimated."
    ),
)


@dataclass(frozen=True)
class AuditPlan:
    """Everything that could be chosen after seeing results, chosen before."""

    level: str
    references: int
    reference_seeds: tuple[int, ...]
    bootstrap_seed: int
    statistics: tuple[str, ...]
    """Names of the membership statistics; see `protocol.MEMBERSHIP_STATISTICS`."""
    contrast_items: int = 60
    """Items of like popularity that each pair is held against."""
    margin: float = 0.2
    """ρ0: residual influence below it counts as removed."""
    confidence: float = 0.9
    """Of the interval on ρ; 0.9 makes two one-sided tests at 5 %."""
    alpha: float = 0.05
    """Family-wise error of control and detection, each, after Holm."""
    false_positive_rate: float = 0.01
    """At which the true-positive rate is reported."""

    def __post_init__(self) -> None:
        if len(set(self.reference_seeds)) != self.references:
            raise ValueError(f"{self.references} references need as many distinct seeds")
        if not self.statistics:
            raise ValueError("a plan needs at least one statistic")

    def as_json(self) -> dict[str, object]:
        """The plan as JSON values."""
        return json.loads(json.dumps(asdict(self)))

    def digest(self) -> str:
        """SHA-256 of the plan in canonical JSON."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()).hexdigest()
