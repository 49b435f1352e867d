"""The plan of an audit: frozen and hashed before anything runs."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from typing import Any

import rfc8785

from audits.verification.errors import AuditError
from audits.verification.words import gettext_noop

STATISTICS = ("fold_in", "neighbours", "pairs")
"""What statistics begin with; `_on_` and the name of what they look at follow. See `exposure.read`."""
ATTACKS = ("lira", "lira_per_example", "population", "u_lira")
"""See `protocol.ATTACKS`."""
WIDEST_MARGIN, NARROWEST_MARGIN = 0.2, 0.05
"""Of ρ0. Wider ones would stretch what "removed" means; narrower ones no number of references gets into."""
FEWEST_KNOWN = 3
"""Models of a kind, from which on an attack can learn from all but one of them."""


@dataclass(frozen=True)
class AssuranceLevel:
    """How hard an audit looks."""

    name: str
    references: int
    """K, models trained without the data."""
    known: int
    """Short-lived models trained with the data; 0: the model as it was stands alone on that side."""
    repeats: bool
    """Whether a statistical method is run again on each of the models that know the data."""
    attacks: tuple[str, ...]
    claim: str
    """What a verdict at this level may be read as."""
    limit: str
    """What it can't show."""

    @property
    def trainings(self) -> int:
        """How many trainings it costs; the requests of a batch share them."""
        return self.references + self.known


QUICK = AssuranceLevel(
    name="quick",
    references=19,
    known=0,
    repeats=False,
    attacks=("lira",),
    claim=gettext_noop(
        "One model is compared with 19 models trained without the data: a shift of about five standard "
        "deviations between models is found in four of five cases, and an exact rank test can reach p = 0.10."
    ),
    limit=gettext_noop(
        "The side that knows the data is the single model as it was. Removal is shown only where the data "
        "stood out by well over twenty standard deviations; smaller requests stay inconclusive, and the "
        "true-positive rate at very low false-positive rates is not estimated."
    ),
)

STANDARD = AssuranceLevel(
    name="standard",
    references=32,
    known=32,
    repeats=False,
    attacks=("lira", "population"),
    claim=gettext_noop(
        "One model is compared with 32 models trained without the data and 32 trained with it, from which the "
        "attack learns what to look for, pair by pair. A shift of about five standard deviations is found in four "
        "of five cases, and such a shift is reached by smaller requests than at the quick level."
    ),
    limit=gettext_noop(
        "It is about this one model, so what one model shows by chance limits it: a single subject's request "
        "mostly stays inconclusive, and is then answered by exact retraining or at the full level."
    ),
)

FULL = AssuranceLevel(
    name="full",
    references=64,
    known=64,
    repeats=True,
    attacks=("lira", "lira_per_example", "population", "u_lira"),
    claim=gettext_noop(
        "The request is forgotten again by 64 models trained with the data, which are compared with 64 trained "
        "without it; the attack has learned from models that went through the same unlearning (U-LiRA). What "
        "the method leaves on average is measured to about a tenth for most single subjects, closer for larger "
        "requests."
    ),
    limit=gettext_noop(
        "Equivalence is that of the method on this request, over seeds. Of the one model that serves the check says "
        "that no test tells it from the references, with the power of the standard level, and no more."
    ),
)

CERTIFICATION = AssuranceLevel(
    name="certification",
    references=32,
    known=32,
    repeats=True,
    attacks=("lira", "lira_per_example", "population", "u_lira"),
    claim=gettext_noop(
        "The method, with the amplitudes measured for this model, is run on 32 models that know what is withdrawn and "
        "compared with 32 that never did, for requests of several sizes and both kinds, drawn by key."
    ),
    limit=gettext_noop(
        "It is about the method on this model and its data, not about any one request; it ends with the code and "
        "with a new training."
    ),
)

LEVELS = {level.name: level for level in (QUICK, STANDARD, FULL)}
"""Of the check of a request."""


@dataclass(frozen=True)
class AuditPlan:
    """Everything that could be chosen after seeing results, chosen before."""

    level: str
    statistics: tuple[str, ...]
    """See `exposure.read`."""
    attacks: tuple[str, ...]
    """See `protocol.ATTACKS`."""
    reference_seeds: tuple[int, ...]
    """Of the K models trained without the data."""
    known_seeds: tuple[int, ...]
    """Of the models trained with it; empty where the model as it was stands alone."""
    seed: int
    """Of bootstrap, permutations and samples."""
    repeats: bool = False
    """Whether a statistical method is run again on each of the models that know the data."""
    contrast_items: int = 60
    """Items of like popularity that each pair is held against."""
    margin: float = WIDEST_MARGIN
    """ρ0: residual influence below it counts as removed."""
    confidence: float = 0.9
    """Of the interval on ρ; 0.9 makes two one-sided tests at 5 %."""
    power: float = 0.99
    """What exact retraining must have as its chance to pass, for a statistic to be asked for equivalence. Several
    are asked, and all must pass: with 0.95 for each, exact retraining passed them all in 90 % of audits."""
    alpha: float = 0.01
    """Family-wise error of control and detection, each, after Holm."""
    auc_margin: float = 0.05
    """An attack whose AUC lies this near to 0.5, with its interval, does not count as telling models apart."""
    false_positive_rate: float = 0.01
    """At which the true-positive rate is reported; up to twice as many does not count either."""
    distance_margin: float = 1.0
    """The same for a mean distance, in standard deviations between references."""

    def __post_init__(self) -> None:
        for name in ("reference_seeds", "known_seeds"):
            if len(set(getattr(self, name))) != len(getattr(self, name)):
                raise AuditError(f"{name}: a seed stands twice; the models would be copies")
        if len(self.reference_seeds) < 3:
            raise AuditError(f"reference_seeds: {len(self.reference_seeds)} are too few; give at least 3")
        if 0 < len(self.known_seeds) < FEWEST_KNOWN:
            raise AuditError(f"known_seeds: {len(self.known_seeds)} are too few; give at least {FEWEST_KNOWN}, or none")
        if "u_lira" in self.attacks and len(self.reference_seeds) < 2 * FEWEST_KNOWN:
            raise AuditError(f"reference_seeds: u_lira needs at least {2 * FEWEST_KNOWN}: half of them are its shadows")
        if self.repeats and not self.known_seeds:
            raise AuditError("repeats: there is no model that knows the data to run the method on; give known_seeds")
        if set(self.reference_seeds) & set(self.known_seeds):
            raise AuditError("known_seeds: a seed is a reference's too; the two models would share their draws")
        for name, allowed in (("statistics", STATISTICS), ("attacks", ATTACKS)):
            chosen = getattr(self, name)
            if not chosen or len(set(chosen)) != len(chosen):
                raise AuditError(f"{name}: a plan needs at least one, and each once")
            unknown = [one for one in chosen if one.partition("_on_")[0] not in allowed]
            if unknown:
                raise AuditError(f"{name}: {', '.join(unknown)} is unknown; there are {', '.join(allowed)}")
        if self.contrast_items < 3:
            raise AuditError(f"contrast_items must be at least 3, got {self.contrast_items}")
        if not 0 < self.distance_margin < math.inf:
            raise AuditError(f"distance_margin must be positive, got {self.distance_margin}")
        for name in ("margin", "auc_margin"):
            if not 0 < getattr(self, name) < 0.5:
                raise AuditError(f"{name} must lie between 0 and 0.5, got {getattr(self, name)}")
        for name in ("confidence", "power", "alpha", "false_positive_rate"):
            if not 0 < getattr(self, name) < 1:
                raise AuditError(f"{name} must lie between 0 and 1, got {getattr(self, name)}")

    @classmethod
    def at(
        cls,
        level: AssuranceLevel,
        statistics: tuple[str, ...],
        seeds: tuple[int, ...],
        seed: int,
        margin: float = WIDEST_MARGIN,
    ) -> "AuditPlan":
        """The plan of a level.

        Args:
            seeds: as many as the level's trainings: of the references first, then of the models that know.
            seed: of everything else.
            margin: ρ0; a controller may ask for less than the usual one, never for more.

        Raises:
            AuditError: another number of seeds, or a margin that is out of bounds.
        """
        if not NARROWEST_MARGIN <= margin <= WIDEST_MARGIN:
            raise AuditError(f"margin: give {NARROWEST_MARGIN} to {WIDEST_MARGIN}, not {margin}")
        if len(seeds) != level.trainings:
            raise AuditError(f"seeds: the level {level.name} trains {level.trainings} models, {len(seeds)} were given")
        return cls(
            level=level.name,
            statistics=statistics,
            attacks=level.attacks,
            reference_seeds=seeds[: level.references],
            known_seeds=seeds[level.references :],
            seed=seed,
            repeats=level.repeats,
            margin=margin,
        )

    def attacks_on(self, models: int) -> tuple[str, ...]:
        """The attacks on so many models after forgetting; U-LiRA needs several, as shadows of each other."""
        return tuple(name for name in self.attacks if name != "u_lira" or models >= 2 * FEWEST_KNOWN)

    def as_json(self) -> dict[str, Any]:
        """The plan as JSON values."""
        return json.loads(json.dumps(asdict(self)))

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> "AuditPlan":
        """What `as_json` gave."""
        values: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in stored.items()}
        return cls(**values)

    def digest(self) -> str:
        """SHA-256 of the plan in canonical JSON (RFC 8785)."""
        return hashlib.sha256(rfc8785.dumps(self.as_json())).hexdigest()

    def assert_frozen(self, digest: str) -> None:
        """Raise AuditError unless this is the plan whose digest was put on record before anything ran."""
        if self.digest() != digest:
            raise AuditError(
                f"the plan was changed after it was frozen (its digest is {self.digest()}, on record is {digest}): "
                "restore the recorded plan, or freeze a new one and run everything again"
            )
