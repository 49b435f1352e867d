"""Verdicts on models that lie a known part of the way from never knowing to nothing done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from audits.verification.exposure import Exposure, Reading, read
from audits.verification.plan import AssuranceLevel, AuditPlan
from audits.verification.protocol import Audit
from audits.verification.verdict import Verdict
from benchmarks.verdicts.pool import Tables, Withdrawal

PARTS = (-1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 0.75, 1.0)
"""Of the influence that is left; below 0: over-forgotten."""
_SEED = 20261124


@dataclass
class Draw:
    """One audit, over all parts."""

    request: int
    powered: bool
    """Whether a statistic had the power to show removal, which is known before the candidate is looked at."""
    verdicts: dict[float, str] = field(default_factory=dict)
    influence: dict[float, float] = field(default_factory=dict)
    """ρ of the first statistic, as it was measured."""


class Curve:
    """The audits of one withdrawal at one assurance level."""

    def __init__(self, withdrawal: Withdrawal, known: Sequence[Tables], without: Sequence[Tables]):
        """
        Args:
            known: by seed, models that learned everything.
            without: from the same seeds, models without what is withdrawn.
        """
        self._withdrawal, self._known, self._without = withdrawal, known, without
        # Most models are read again and again; the tables behind their readings are large and shared.
        self._read, self._exposure = cache(self._read_anew), cache(self._exposed)

    def draws(self, level: AssuranceLevel, count: int, parts: Sequence[float], done: Callable[[], None]) -> list[Draw]:
        """Audits with references, models that know and candidates drawn anew for each, without overlap."""
        found = []
        for number in range(count):
            generator = np.random.default_rng([_SEED, number])
            request = number % len(self._withdrawal.scenes)
            seeds = generator.permutation(len(self._known)).tolist()
            found.append(self._one(level, request, seeds, parts, number))
            done()
        return found

    def _one(self, level: AssuranceLevel, request: int, seeds: list[int], parts: Sequence[float], number: int) -> Draw:
        references, rest = seeds[: level.references], seeds[level.references :]
        # Where the method is repeated, it is on the models that know; elsewhere one model forgets, and where
        # no others know, that one as it was stands for knowing.
        known = rest[: max(level.known, 1)]
        candidates = known if level.repeats else [known[0] if not level.known else rest[level.known]]
        plan = AuditPlan.at(
            level, self._withdrawal.statistics, tuple(references) + tuple(rest[: level.known]), seed=number
        )
        audit = Audit(
            plan,
            plan.digest(),
            self._withdrawal.scenes[request],
            [self._read(request, seed, 1.0) for seed in known],
            [self._read(request, seed, 0.0) for seed in references],
        )
        draw = Draw(request, False)
        for part in parts:
            result = audit.check([self._read(request, seed, part) for seed in candidates])
            draw.verdicts[part] = str(result.verdict)
            draw.influence[part] = result.measured.membership[0].influence.estimate
            draw.powered = any(m.power >= plan.power and m.control.p <= plan.alpha for m in result.measured.membership)
        return draw

    def _read_anew(self, request: int, seed: int, part: float) -> Reading:
        return read(self._exposure(seed, part), [self._withdrawal.scenes[request]], self._withdrawal.statistics)[0]

    def _exposed(self, seed: int, part: float) -> Exposure:
        return self._without[seed].towards(self._known[seed], part).exposure()


def counts(draws: Sequence[Draw], part: float) -> dict[str, int]:
    """How often each verdict was given to models with this part of the influence left."""
    return {str(verdict): sum(draw.verdicts.get(part) == verdict for draw in draws) for verdict in Verdict}
