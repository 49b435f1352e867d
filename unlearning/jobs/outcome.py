"""What a rung of the ladder settled, and what its evidence speaks of."""

from dataclasses import dataclass
from datetime import datetime

from audits.certification.models import Certification
from audits.verification.collateral import CollateralResult
from audits.verification.verdict import Conclusion
from models_engine.evaluation.ranking import SubjectQuality
from unlearning.jobs.checking import Checks, Judgement
from unlearning.requests.models import Request


@dataclass(frozen=True)
class Attempt:
    """One rung of the ladder, and what the check found there."""

    strategy: str
    exact: bool
    judgement: Judgement
    conclusion: Conclusion | None
    forgotten_at: datetime
    checked_at: datetime


@dataclass(frozen=True)
class Effects:
    """What a rung did to those who stay."""

    before: SubjectQuality
    after: SubjectQuality
    collateral: CollateralResult | None


@dataclass(frozen=True)
class Outcome:
    """What a rung settled, and all that its evidence speaks of."""

    concluded: dict[Request, list[Attempt]]
    effects: Effects
    checks: Checks
    certificate: Certification | None
